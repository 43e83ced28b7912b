//! The counts of a workload over time: pods there are, pods available, pods of the newest template, between ceiling and floor.

use kubeviz::clock::{SimDuration, SimTime};
use kubeviz::view::course::Course;
use kubeviz::view::rollout::Point;
use yew::prelude::*;

use super::rollout_view::Shown;
use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;

/// The chart's own units.
const WIDTH: i64 = 1_000;
const HEIGHT: i64 = 100;
/// A younger rollout is drawn as if it had taken this long, in seconds.
const AT_LEAST_S: u64 = 30;
/// What is shown of the time after the longer of two rollouts.
const AFTER: SimDuration = SimDuration::from_secs(2);
/// What is shown of the time before the newest revision, in seconds.
const BEFORE_S: u64 = 4;

#[derive(Properties, PartialEq)]
pub struct RolloutChartProps {
    pub shown: Shared<Shown>,
    pub lang: Lang,
}

/// The part of time that is drawn, and what the height stands for.
struct Scale {
    from: u64,
    span: u64,
    top: i64,
}

impl Scale {
    fn x(&self, time: SimTime) -> i64 {
        let micros = time.0.clamp(self.from, self.from + self.span) - self.from;
        (i128::from(micros) * i128::from(WIDTH) / i128::from(self.span)) as i64
    }

    fn y(&self, count: i32) -> i64 {
        HEIGHT - i64::from(count).clamp(0, self.top) * HEIGHT / self.top
    }
}

/// See the module. The numbers of the last point stand beside it in words.
#[component]
pub fn RolloutChart(props: &RolloutChartProps) -> Html {
    let RolloutChartProps { shown, lang } = props;
    let (card, course) = (&shown.rollout.card, &shown.course);
    let (points, now) = (course.points.as_slice(), course.until);
    let from = course.since.0.saturating_sub(BEFORE_S * 1_000_000);
    let other = shown.against.as_ref().map(|(run, other)| (*run, beside(other, course)));
    // Beside another run only the rollouts count, not the rest since then.
    let until = match (&other, course.took) {
        (Some((_, other)), Some(took)) => (course.since + took).max(other.until) + AFTER,
        (Some((_, other)), None) => now.max(other.until),
        (None, _) => now,
    };
    let least = if other.is_some() { 0 } else { AT_LEAST_S * 1_000_000 };
    let span = until.0.saturating_sub(from).max(least).max(1);
    let most = [
        course.most,
        other.as_ref().map_or(0, |(_, other)| other.most),
        card.desired,
        card.ceiling.unwrap_or(0),
    ]
    .into_iter()
    .max();
    let scale = Scale { from, span, top: i64::from(most.unwrap_or(1).max(1)) };
    let line = |count: i32| {
        let y = scale.y(count);
        format!("M0 {y}H{WIDTH}")
    };
    let path = |count: fn(&Point) -> i32| steps(points, now, &scale, count);
    let area = format!("{}V{HEIGHT}H0Z", path(|point| point.available));
    let label = |count: i32, text: String, class: &'static str| {
        let top = scale.y(count);
        html! { <span class={classes!("chart-label", class)} style={format!("top:{top}%")}>{ text }</span> }
    };
    html! {
        <figure class="rollout-chart">
            <div class="rollout-plot">
                <svg viewBox={format!("0 0 {WIDTH} {HEIGHT}")} preserveAspectRatio="none" role="img" aria-label={tr!(*lang, "rollout.chart", current = card.current, available = card.available, updated = card.updated, desired = card.desired)}>
                    <path class="plot-available" d={area} />
                    <path class="plot-current" d={path(|point| point.current)} />
                    <path class="plot-updated" d={path(|point| point.updated)} />
                    if let Some(ceiling) = card.ceiling { <path class="plot-ceiling" d={line(ceiling)} /> }
                    if let Some(floor) = card.floor { <path class="plot-floor" d={line(floor)} /> }
                    <path class="plot-short" d={short(points, now, &scale)} />
                    if let Some((_, other)) = &other {
                        <path class="plot-current other" d={steps(&other.points, other.until, &scale, |point| point.current)} />
                        <path class="plot-updated other" d={steps(&other.points, other.until, &scale, |point| point.available)} />
                    }
                </svg>
                if let Some(ceiling) = card.ceiling { { label(ceiling, format!("≤{ceiling}"), "over") } }
                if let Some(floor) = card.floor { { label(floor, format!("≥{floor}"), "under") } }
            </div>
            <p class="plot-span"><span>{ format::clock(SimTime(from)) }</span><span>{ format::clock(SimTime(from + span)) }</span></p>
            <figcaption>
                <span class="key key-current">{ tr!(*lang, "rollout.current", count = card.current) }</span>
                <span class="key key-available">{ tr!(*lang, "rollout.available", count = card.available) }</span>
                <span class="key key-updated">{ tr!(*lang, "rollout.updated", count = card.updated) }</span>
                if let Some((run, _)) = &other { <span class="key key-other">{ tr!(*lang, "runs.dashed", run = format::run(*run)) }</span> }
            </figcaption>
        </figure>
    }
}

/// Another run's course as if its newest revision had been made when this one's was, up to when it was complete.
fn beside(other: &Course, this: &Course) -> Course {
    let moved = |time: SimTime| SimTime((time.0 + this.since.0).saturating_sub(other.since.0));
    let end = other.took.map_or(other.until, |took| other.since + took);
    let points = other.points.iter().filter(|point| point.time <= end);
    Course {
        points: points.map(|point| Point { time: moved(point.time), ..*point }).collect(),
        until: moved(end),
        ..other.clone()
    }
}

/// A count as a line of steps up to now.
fn steps(points: &[Point], now: SimTime, scale: &Scale, count: fn(&Point) -> i32) -> String {
    let mut path = String::new();
    for point in points {
        let (x, y) = (scale.x(point.time), scale.y(count(point)));
        if path.is_empty() {
            path = format!("M{x} {y}");
        } else if point.time.0 <= scale.from {
            path = format!("M0 {y}");
        } else {
            path.push_str(&format!("H{x}V{y}"));
        }
    }
    if path.is_empty() {
        path = format!("M0 {HEIGHT}");
    }
    path.push_str(&format!("H{}", scale.x(now)));
    path
}

/// The stretches in which fewer were available than the floor asks for, along the floor.
fn short(points: &[Point], now: SimTime, scale: &Scale) -> String {
    let mut path = String::new();
    for (at, point) in points.iter().enumerate() {
        let end = points.get(at + 1).map_or(now, |next| next.time);
        if point.is_short() && end.0 > scale.from {
            path.push_str(&format!("M{} {}H{}", scale.x(point.time), scale.y(point.floor), scale.x(end)));
        }
    }
    path
}
