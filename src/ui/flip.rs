//! Cards that move are seen to move: their places are measured before and after, and the way between is played.

use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DomRect, Element};

/// More cards than this at once are not played: nobody could follow.
const MOVES_MAX: usize = 100;
const MOVE_MS: f64 = 480.0;

/// Cards and where they stood.
#[derive(Default)]
pub struct Moves(Vec<(String, DomRect)>);

fn card(uid: &str) -> Option<Element> {
    gloo::utils::document().query_selector(&format!("[data-uid=\"{uid}\"]")).ok().flatten()
}

impl Moves {
    /// Measures the cards that are about to move.
    pub fn measure<'a>(uids: impl Iterator<Item = &'a str>) -> Moves {
        let uids: Vec<&str> = uids.collect();
        if uids.len() > MOVES_MAX {
            return Moves::default();
        }
        Moves(
            uids.into_iter()
                .filter_map(|uid| Some((uid.to_string(), card(uid)?.get_bounding_client_rect())))
                .collect(),
        )
    }

    /// Plays the ways from there to where the cards stand now. With reduced motion the card is only outlined.
    pub fn play(self) {
        let calm = gloo::utils::window()
            .match_media("(prefers-reduced-motion: reduce)")
            .ok()
            .flatten()
            .is_some_and(|query| query.matches());
        for (uid, from) in self.0 {
            let Some(element) = card(&uid) else { continue };
            let to = element.get_bounding_client_rect();
            let (x, y) = (from.left() - to.left(), from.top() - to.top());
            if calm {
                animate(&element, &[("outline", "2px solid var(--focus)", "2px solid transparent")], 1_000.0);
            } else if x != 0.0 || y != 0.0 {
                animate(&element, &[("transform", &format!("translate({x}px, {y}px)"), "none")], MOVE_MS);
            }
        }
    }
}

/// `Element.animate`, which web-sys offers only behind an unstable flag.
fn animate(element: &Element, changes: &[(&str, &str, &str)], ms: f64) {
    let frame = |pick: fn(&(&str, &str, &str)) -> String| {
        let object = Object::new();
        for change in changes {
            let _ = Reflect::set(&object, &change.0.into(), &pick(change).into());
        }
        object
    };
    let frames = Array::of2(&frame(|change| change.1.to_string()), &frame(|change| change.2.to_string()));
    let options = Object::new();
    let _ = Reflect::set(&options, &"duration".into(), &ms.into());
    let _ = Reflect::set(&options, &"easing".into(), &"cubic-bezier(.3,0,.1,1)".into());
    let function =
        Reflect::get(element, &"animate".into()).ok().and_then(|value| value.dyn_into::<Function>().ok());
    if let Some(function) = function {
        // An animation that cannot be played is only missed.
        let _: Result<JsValue, JsValue> = function.call2(element, &frames, &options);
    }
}
