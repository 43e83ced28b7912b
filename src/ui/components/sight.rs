//! Which nodes of the stage can be seen: those out of sight need not be drawn with every frame.

use std::cell::RefCell;
use std::rc::Rc;

use gloo::events::EventListener;
use gloo::render::{AnimationFrame, request_animation_frame};
use sorted::SortedSet;
use wasm_bindgen::JsValue;
use web_sys::Element;
use yew::prelude::*;

use crate::ui::shared::Shared;

/// The names of the nodes whose cards the browser leaves out of its pictures, because they are scrolled away (`content-visibility`
/// in `cards.css`). Empty in a browser that does not tell.
#[hook]
pub fn use_out_of_sight(stage: &NodeRef) -> Shared<SortedSet<String>> {
    let known = use_state(|| Shared::new(SortedSet::new()));
    let (stage, set) = (stage.clone(), known.setter());
    use_effect_with((), move |()| {
        let listener = stage.cast::<Element>().map(|stage| listen(&stage, set));
        move || drop(listener)
    });
    (*known).clone()
}

/// The browser tells of each card by itself, and of hundreds after one another: they are told on together, with the next frame.
fn listen(stage: &Element, set: UseStateSetter<Shared<SortedSet<String>>>) -> EventListener {
    let out = Rc::new(RefCell::new(SortedSet::new()));
    let soon: Rc<RefCell<Option<AnimationFrame>>> = Rc::default();
    EventListener::new(stage, "contentvisibilityautostatechange", move |event| {
        let skipped = js_sys::Reflect::get(event, &JsValue::from_str("skipped"));
        let (Some(node), Ok(skipped)) = (node_of(event), skipped) else { return };
        if skipped.is_truthy() {
            out.borrow_mut().insert(node);
        } else {
            out.borrow_mut().remove(&node);
        }
        let mut waiting = soon.borrow_mut();
        if waiting.is_none() {
            let (out, soon, set) = (out.clone(), soon.clone(), set.clone());
            *waiting = Some(request_animation_frame(move |_| {
                let _ = soon.borrow_mut().take();
                set.set(Shared::new(out.borrow().clone()));
            }));
        }
    })
}

fn node_of(event: &Event) -> Option<String> {
    use wasm_bindgen::JsCast;
    event.target()?.dyn_ref::<Element>()?.get_attribute("data-node")
}
