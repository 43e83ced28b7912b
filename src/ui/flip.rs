//! Cards that move are seen to move. Their places are measured before the page changes and after it, and the way between is
//! played (FLIP); a card that goes from the pending lane to a node flies above everything, since both are its frames.

use sorted::SortedMap;

use gloo::timers::callback::Timeout;
use js_sys::{Array, Function, Object, Reflect};
use kubeviz::view::{ClusterView, PodCard};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DomRect, Element};

/// More changes than this at once are not played: nobody could follow them.
const CHANGES_MAX: usize = 30;
/// More new cards than this at once are just there: each that fades in is a layer of its own to the browser, made in one frame.
const FADES_MAX: usize = 12;
/// On a stage with more pods than this nothing is played: every card on its way is a layer of its own to the browser.
const PODS_MAX: usize = 400;
/// More cards than this are not measured.
const CARDS_MAX: usize = 100;
const MOVE_MS: f64 = 480.0;
const REFLOW_MS: f64 = 280.0;
const FADE_MS: f64 = 240.0;
/// How far a flying card leaves the straight line, in pixels.
const ARC_MAX: f64 = 24.0;
const SMOOTH: &str = "cubic-bezier(.3,0,.1,1)";

/// Where a card stands: the lane or a node, and which place in it.
type Places<'a> = SortedMap<&'a str, (&'a str, usize)>;

/// The way of one card.
enum Way {
    /// To another frame.
    Fly(DomRect),
    /// Within its frame.
    Shift(DomRect),
    /// It is new.
    Appear,
}

/// What is going to be played once the page has changed.
#[derive(Default)]
pub struct Moves {
    ways: Vec<(String, Way)>,
    ghosts: Vec<(Element, DomRect)>,
}

fn places(view: &ClusterView) -> Places<'_> {
    let lane = view.pending.iter().enumerate().map(|(at, pod)| (pod.uid.as_str(), ("", at)));
    let on_nodes = view.nodes.iter().flat_map(|node| {
        node.pods.iter().enumerate().map(|(at, pod)| (pod.uid.as_str(), (node.name.as_str(), at)))
    });
    lane.chain(on_nodes).collect()
}

fn frames(view: &ClusterView) -> impl Iterator<Item = (&str, &[std::sync::Arc<PodCard>])> {
    let lane = std::iter::once(("", view.pending.as_slice()));
    lane.chain(view.nodes.iter().map(|node| (node.name.as_str(), node.pods.as_slice())))
}

/// The card of a pod: its uid is the id of the element, which the browser finds without a search.
pub(super) fn card(uid: &str) -> Option<Element> {
    gloo::utils::document().get_element_by_id(uid)
}

pub(super) fn overlay() -> Option<Element> {
    gloo::utils::document().get_element_by_id("flight")
}

impl Moves {
    /// Measures what is going to move; to be called while the page still shows `old`. Too much at once gives nothing.
    pub fn measure(old: &ClusterView, new: &ClusterView) -> Moves {
        if new.pods() > PODS_MAX {
            return Moves::default();
        }
        let (before, after) = (places(old), places(new));
        let moved =
            after.iter().filter(|(uid, place)| before.get(*uid).is_none_or(|was| was.0 != place.0)).count();
        let gone: Vec<&str> = before.keys().copied().filter(|uid| !after.contains_key(uid)).collect();
        if moved + gone.len() == 0 || moved + gone.len() > CHANGES_MAX {
            return Moves::default();
        }
        let changed = |name: &str| {
            after.iter().any(|(uid, place)| place.0 == name && before.get(uid) != Some(place))
                || gone.iter().any(|uid| before[uid].0 == name)
        };
        let mut ways = Vec::new();
        for (name, pods) in frames(new).filter(|(name, _)| changed(name)) {
            for pod in pods.iter().take(CARDS_MAX.saturating_sub(ways.len())) {
                let way = match (before.get(pod.uid.as_str()), card(&pod.uid)) {
                    (Some(was), Some(element)) if was.0 == name => {
                        Way::Shift(element.get_bounding_client_rect())
                    }
                    (Some(_), Some(element)) => Way::Fly(element.get_bounding_client_rect()),
                    _ => Way::Appear,
                };
                ways.push((pod.uid.clone(), way));
            }
        }
        let ghost = |uid: &&str| {
            let element = card(uid)?;
            Some((twin(&element)?, element.get_bounding_client_rect()))
        };
        Moves { ways, ghosts: gone.iter().filter_map(ghost).collect() }
    }

    /// Plays the ways, now that the page shows the new stage. `speed_tenths` shortens them where time runs fast.
    pub fn play(self, speed_tenths: u32) {
        if self.ways.is_empty() && self.ghosts.is_empty() {
            return;
        }
        if prefers_calm() {
            return self.trace();
        }
        let haste = (f64::from(speed_tenths) / 40.0).max(1.0).sqrt();
        // All places are read before anything is written: one layout, not one per card, and none where cards only appear.
        let ways: Vec<(Element, Way, Option<DomRect>)> = self
            .ways
            .into_iter()
            .filter_map(|(uid, way)| {
                let element = card(&uid)?;
                let to = (!matches!(way, Way::Appear)).then(|| element.get_bounding_client_rect());
                Some((element, way, to))
            })
            .collect();
        let fades = ways.iter().filter(|(_, way, _)| matches!(way, Way::Appear)).count() <= FADES_MAX;
        for (element, way, to) in ways {
            match (way, to) {
                (Way::Fly(from), Some(to)) => fly(&element, &from, &to, MOVE_MS / haste),
                (Way::Shift(from), Some(to)) => shift(&element, &from, &to, REFLOW_MS / haste),
                _ if !fades => {}
                _ => {
                    let steps = [("opacity", &["0", "1"][..]), ("transform", &["scale(.92)", "none"])];
                    animate(&element, &steps, FADE_MS / haste, "cubic-bezier(0,0,0,1)");
                }
            }
        }
        for (ghost, place) in self.ghosts {
            let steps = [("opacity", &["1", "0"][..]), ("transform", &["none", "scale(.92)"])];
            show_for(&ghost, &place, FADE_MS / haste);
            animate(&ghost, &steps, FADE_MS / haste, "cubic-bezier(.4,0,1,1)");
        }
    }

    /// Instead of motion: an outline where a card now stands, and a line from where it stood that stays until
    /// the next change, or until the stage shows something else.
    fn trace(self) {
        let Some(overlay) = overlay() else { return };
        let mut lines = String::new();
        for (uid, way) in self.ways {
            let Some(element) = card(&uid) else { continue };
            if let Way::Fly(from) = way {
                let to = element.get_bounding_client_rect();
                let (x1, y1) = (from.left() + from.width() / 2.0, from.top() + from.height() / 2.0);
                let (x2, y2) = (to.left() + to.width() / 2.0, to.top() + to.height() / 2.0);
                lines += &format!(
                    r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/><circle cx="{x2}" cy="{y2}" r="3"/>"#
                );
            } else if matches!(way, Way::Shift(_)) {
                continue;
            }
            let steps = [("outline", &["2px solid var(--focus)", "2px solid var(--focus)"][..])];
            animate(&element, &steps, 1_000.0, "linear");
        }
        overlay.set_inner_html(&format!(
            r#"<svg class="traces" aria-hidden="true" style="{}">{lines}</svg>"#,
            within_stage()
        ));
    }
}

/// Takes the lines away that stand in for motion: the places that they join are no longer there.
pub(super) fn forget_traces() {
    let traces = overlay().and_then(|overlay| overlay.query_selector(".traces").ok().flatten());
    if let Some(traces) = traces {
        traces.remove();
    }
}

/// A style that cuts what stays above the page off where the stage is scrolled out of sight.
pub(super) fn within_stage() -> String {
    let Ok(Some(frame)) = gloo::utils::document().query_selector(".middle") else { return String::new() };
    let (frame, root) = (frame.get_bounding_client_rect(), gloo::utils::document_element());
    let (right, bottom) =
        (f64::from(root.client_width()) - frame.right(), f64::from(root.client_height()) - frame.bottom());
    format!("clip-path:inset({}px {right}px {bottom}px {}px)", frame.top(), frame.left())
}

/// Has the page move as somebody has chosen, or as the system says.
pub fn prefer(motion: Option<&str>) {
    if let Some(root) = gloo::utils::document().document_element() {
        // The root element takes any attribute, and removing what is not there is no error.
        let _ = match motion {
            Some(motion) => root.set_attribute("data-motion", motion),
            None => root.remove_attribute("data-motion"),
        };
    }
}

/// Whether motion is to be avoided: by the address or by choice, which is noted on the root element, or by the system's setting.
pub fn prefers_calm() -> bool {
    let root = gloo::utils::document().document_element();
    match root.and_then(|root| root.get_attribute("data-motion")).as_deref() {
        Some("reduce") => return true,
        Some("full") => return false,
        _ => {}
    }
    matches_media("(prefers-reduced-motion: reduce)")
}

/// Whether a media query holds.
pub fn matches_media(query: &str) -> bool {
    let query = gloo::utils::window().match_media(query);
    query.ok().flatten().is_some_and(|query| query.matches())
}

/// A copy of a card that nothing and nobody takes for a card.
fn twin(element: &Element) -> Option<Element> {
    let twin: Element = element.clone_node_with_deep(true).ok()?.dyn_into().ok()?;
    for name in ["data-pod", "data-ns", "aria-label", "id"] {
        // Removing what is not there is no error.
        let _ = twin.remove_attribute(name);
    }
    let _ = twin.set_attribute("tabindex", "-1");
    Some(twin)
}

/// Puts a copy above the page, at a place, for so long.
fn show_for(twin: &Element, place: &DomRect, ms: f64) {
    let Some(overlay) = overlay() else { return };
    let (x, y, w, h) = (place.left(), place.top(), place.width(), place.height());
    let style = format!("position:fixed;margin:0;left:{x}px;top:{y}px;width:{w}px;height:{h}px");
    if twin.set_attribute("style", &style).is_ok() && overlay.append_child(twin).is_ok() {
        let twin = twin.clone();
        Timeout::new(ms as u32, move || twin.remove()).forget();
    }
}

fn fly(element: &Element, from: &DomRect, to: &DomRect, ms: f64) {
    let Some(twin) = twin(element) else { return };
    let (x, y) = (from.left() - to.left(), from.top() - to.top());
    let lift = (x.abs() / 12.0).min(ARC_MAX);
    let steps = [
        format!("translate({x}px, {y}px)"),
        format!("translate({}px, {}px)", x / 2.0, y / 2.0 - lift),
        "none".to_string(),
    ];
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    show_for(&twin, to, ms);
    animate(&twin, &[("transform", &steps)], ms, SMOOTH);
    animate(element, &[("opacity", &["0", "0"])], ms, "linear");
}

fn shift(element: &Element, from: &DomRect, to: &DomRect, ms: f64) {
    let (x, y) = (from.left() - to.left(), from.top() - to.top());
    if x.abs() + y.abs() > 0.5 {
        animate(element, &[("transform", &[&format!("translate({x}px, {y}px)"), "none"])], ms, SMOOTH);
    }
}

/// `Element.animate`, which web-sys offers only behind an unstable flag: each property with its values from first to last.
pub(super) fn animate(element: &Element, properties: &[(&str, &[&str])], ms: f64, easing: &str) {
    let frames = Object::new();
    for (name, values) in properties {
        let values: Array = values.iter().map(|value| JsValue::from_str(value)).collect();
        // A plain object takes any property.
        let _ = Reflect::set(&frames, &(*name).into(), &values);
    }
    let options = Object::new();
    let _ = Reflect::set(&options, &"duration".into(), &ms.into());
    let _ = Reflect::set(&options, &"easing".into(), &easing.into());
    let animate =
        Reflect::get(element, &"animate".into()).ok().and_then(|value| value.dyn_into::<Function>().ok());
    if let Some(animate) = animate {
        // An animation that cannot be played is only missed.
        let _ = animate.call2(element, &frames, &options);
    }
}
