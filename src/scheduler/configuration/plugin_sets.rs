//! Which plugins have a say where: what a profile enables and disables, at single extension points and at all of them
//! (`multiPoint`), merged with the defaults and spread over the points.
//! Upstream: `apis/config/v1/default_plugins.go`, `framework/runtime` (`expandMultiPointPlugins`).

use serde_json::Value;

use crate::scheduler::framework::Point;
use crate::scheduler::framework::registry::{Enabled, Profile};
use crate::scheduler::framework::runtime::POINTS;
use crate::scheduler::plugins;

/// Plugins of the real scheduler that may be named and do nothing here.
const WITHOUT_EFFECT: [&str; 1] = ["GangScheduling"];
/// The extension points in the order in which the real framework goes through them when it complains: the name in the
/// configuration, in errors, and the point. Nothing extends PostBind.
const ORDER: [(&str, &str, Option<Point>); 12] = [
    ("preFilter", "PreFilterPlugin", Some(Point::PreFilter)),
    ("filter", "FilterPlugin", Some(Point::Filter)),
    ("postFilter", "PostFilterPlugin", Some(Point::PostFilter)),
    ("reserve", "ReservePlugin", Some(Point::Reserve)),
    ("preScore", "PreScorePlugin", Some(Point::PreScore)),
    ("score", "ScorePlugin", Some(Point::Score)),
    ("preBind", "PreBindPlugin", Some(Point::PreBind)),
    ("bind", "BindPlugin", Some(Point::Bind)),
    ("postBind", "PostBindPlugin", None),
    ("permit", "PermitPlugin", Some(Point::Permit)),
    ("preEnqueue", "PreEnqueuePlugin", Some(Point::PreEnqueue)),
    ("queueSort", "QueueSortPlugin", Some(Point::QueueSort)),
];

/// What is said of one extension point.
#[derive(Clone, Debug, Default, PartialEq)]
struct PluginSet {
    enabled: Vec<(String, i64)>,
    disabled: Vec<String>,
}

impl PluginSet {
    fn read(value: &Value) -> PluginSet {
        let plugins = |name: &str| value[name].as_array().cloned().unwrap_or_default();
        let name = |plugin: &Value| plugin["name"].as_str().unwrap_or_default().to_string();
        let enabled = plugins("enabled");
        PluginSet {
            enabled: enabled
                .iter()
                .map(|plugin| (name(plugin), plugin["weight"].as_i64().unwrap_or(0)))
                .collect(),
            disabled: plugins("disabled").iter().map(name).collect(),
        }
    }

    fn disables(&self, name: &str) -> bool {
        self.disabled.iter().any(|disabled| disabled == name)
    }

    /// The defaults with what is said here (`mergePluginSet`): a default that is enabled anew keeps its place.
    fn over_defaults(&self) -> Vec<(String, i64)> {
        let mut merged: Vec<(String, i64)> = Vec::new();
        let mut replaced = Vec::new();
        let defaults = plugins::defaults().into_iter().filter(|_| !self.disables("*"));
        for default in defaults.filter(|default| !self.disables(default.plugin.name())) {
            let name = default.plugin.name();
            match self.enabled.iter().rposition(|(enabled, _)| enabled == name) {
                Some(place) => {
                    replaced.push(place);
                    merged.push(self.enabled[place].clone());
                }
                None => merged.push((name.to_string(), default.weight)),
            }
        }
        let others = self.enabled.iter().enumerate().filter(|(place, _)| !replaced.contains(place));
        merged.extend(others.map(|(_, plugin)| plugin.clone()));
        merged
    }
}

/// All that a profile says of its plugins.
pub struct Plugins {
    /// In the order of [`ORDER`].
    single: Vec<PluginSet>,
    multi: Vec<(String, i64)>,
}

impl Plugins {
    /// Reads `plugins`.
    pub fn read(value: &Value) -> Plugins {
        Plugins {
            single: ORDER.iter().map(|(name, ..)| PluginSet::read(&value[*name])).collect(),
            multi: PluginSet::read(&value["multiPoint"]).over_defaults(),
        }
    }

    /// The plugins enabled at single points, with the point and the place there.
    pub fn written(&self) -> impl Iterator<Item = (&'static str, usize, &str)> {
        ORDER.iter().zip(&self.single).flat_map(|((point, ..), set)| {
            set.enabled.iter().enumerate().map(move |(place, (name, _))| (*point, place, name.as_str()))
        })
    }

    /// What is said of the order of the queue.
    pub fn queue_sort(&self) -> impl PartialEq + '_ {
        &self.single[ORDER.len() - 1]
    }

    /// The names of all plugins that are enabled anywhere.
    pub fn needed(&self) -> Vec<&str> {
        let single = self.single.iter().flat_map(|set| &set.enabled);
        single.chain(&self.multi).map(|(name, _)| name.as_str()).collect()
    }

    /// The weight of a plugin: that at Score before that at all points, and one if none is given.
    pub fn weight(&self, name: &str) -> i64 {
        let scoring = ORDER.iter().zip(&self.single).filter(|((point, ..), _)| *point == "score");
        let mut known = scoring.flat_map(|(_, set)| &set.enabled).chain(&self.multi);
        known.find(|(known, _)| known == name).map_or(0, |(_, weight)| *weight).max(1)
    }

    /// The profile of these plugins, each asked in the order of each point.
    ///
    /// # Errors
    /// What cannot be.
    pub fn profile(&self, scheduler_name: &str, made: Vec<Enabled>) -> Result<Profile, String> {
        for ((_, type_name, point), set) in ORDER.iter().zip(&self.single) {
            check_single(set, type_name, *point, &made)?;
        }
        let mut lists: Vec<(Point, Vec<&str>)> = Vec::new();
        for ((_, type_name, point), set) in ORDER.iter().zip(&self.single) {
            let list = self.spread(set, type_name, *point, &made)?;
            lists.extend(point.map(|point| (point, list)));
        }
        let at =
            |point: Point| lists.iter().find(|(known, _)| *known == point).map_or(&[][..], |(_, list)| list);
        let sorting = at(Point::QueueSort).len();
        if sorting != 1 {
            return Err(format!(
                "only one queue sort plugin required for profile with scheduler name {scheduler_name:?}, but got {sorting}"
            ));
        }
        if at(Point::Bind).is_empty() {
            return Err(format!(
                "at least one bind plugin is needed for profile with scheduler name {scheduler_name:?}"
            ));
        }
        let weights: i64 = at(Point::Score).iter().map(|name| self.weight(name)).sum();
        if weights.checked_mul(100).is_none() {
            return Err("total score of Score plugins could overflow".into());
        }
        // The places of plugins follow the order of Filter, by which it is known whose refusal comes first.
        let mut names: Vec<&str> = at(Point::Filter).to_vec();
        names.extend(
            made.iter().map(|enabled| enabled.plugin.name()).filter(|name| !at(Point::Filter).contains(name)),
        );
        names.retain(|name| lists.iter().any(|(_, list)| list.contains(name)));
        let place = |name: &&str| names.iter().position(|known| known == name).unwrap_or(0) as u8;
        let mut points: [Vec<u8>; POINTS] = Default::default();
        for (point, list) in &lists {
            points[*point as usize] = list.iter().map(place).collect();
        }
        let find = |name: &&str| made.iter().find(|enabled| enabled.plugin.name() == *name).cloned();
        Ok(Profile {
            scheduler_name: scheduler_name.into(),
            plugins: names.iter().filter_map(find).collect(),
            points: Some(points),
        })
    }

    /// The plugins of one point (`expandMultiPointPlugins`): those of all points that are named here as well, in the order in
    /// which they are named here; the rest of those of all points; the rest of those named here.
    fn spread<'a>(
        &'a self,
        set: &'a PluginSet,
        type_name: &str,
        point: Option<Point>,
        made: &'a [Enabled],
    ) -> Result<Vec<&'a str>, String> {
        let known = |name: &&str| !WITHOUT_EFFECT.contains(name);
        let named: Vec<&str> = set.enabled.iter().map(|(name, _)| name.as_str()).filter(known).collect();
        if set.disables("*") {
            return Ok(named);
        }
        let (mut overriding, mut multi): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for name in self.multi.iter().map(|(name, _)| name.as_str()).filter(known) {
            let Some(enabled) = made.iter().find(|enabled| enabled.plugin.name() == name) else {
                return Err(format!("{type_name} {name:?} does not exist"));
            };
            let extends = point.is_some_and(|point| enabled.plugin.points().contains(&point));
            if !extends || set.disables(name) {
                continue;
            }
            if named.contains(&name) {
                overriding.push(name);
            } else if multi.contains(&name) {
                return Err(format!("plugin {name:?} already registered as {type_name:?}"));
            } else {
                multi.push(name);
            }
        }
        let (mut all, rest): (Vec<&str>, Vec<&str>) =
            named.iter().partition(|name| overriding.contains(name));
        all.extend(multi);
        all.extend(rest);
        Ok(all)
    }
}

/// What is enabled at a single point has to exist, to have a say there, and to be named once (`updatePluginList`).
fn check_single(
    set: &PluginSet,
    type_name: &str,
    point: Option<Point>,
    made: &[Enabled],
) -> Result<(), String> {
    for (place, (name, _)) in set.enabled.iter().enumerate() {
        if WITHOUT_EFFECT.contains(&name.as_str()) {
            continue;
        }
        let Some(enabled) = made.iter().find(|enabled| enabled.plugin.name() == name) else {
            return Err(format!("{type_name} {name:?} does not exist"));
        };
        if !point.is_some_and(|point| enabled.plugin.points().contains(&point)) {
            return Err(format!("plugin {name:?} does not extend {type_name} plugin"));
        }
        if set.enabled[..place].iter().any(|(other, _)| other == name) {
            return Err(format!("plugin {name:?} already registered as {type_name:?}"));
        }
    }
    Ok(())
}
