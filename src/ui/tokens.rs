//! What goes between components and the API server, seen on its way: a hollow token tells a component what has changed, a
//! filled one is what it writes.

use gloo::timers::callback::Timeout;
use kubeviz::view::xray::Exchange;
use web_sys::{DomRect, Element};

use super::flip::{animate, overlay, within_stage};

/// How long a token is on its way.
const HOP_MS: u32 = 450;
/// What comes faster than it can be drawn is drawn up to so much later; then it is left out.
const LATE_MAX_MS: u32 = 3_600;
/// More revisions than this at once are a look at another time.
const LEAP: u64 = 60;
const SERVER: &str = "kube-apiserver";

/// Which exchanges have been drawn, and until when those that have wait.
#[derive(Default)]
pub struct Tokens {
    upto: u64,
    /// When the last token arrives, on the page's clock.
    until_ms: f64,
}

impl Tokens {
    /// Takes note of a revision. Says after which the exchanges are to be drawn: none when the run has been gone back in, or has leapt.
    pub fn since(&mut self, revision: u64) -> Option<u64> {
        let before = std::mem::replace(&mut self.upto, revision);
        (before < revision && revision - before <= LEAP && before > 0).then_some(before)
    }

    /// Draws them one after the other, from now or from when those before them have arrived.
    pub fn play(&mut self, exchanges: Vec<Exchange>, now_ms: f64) {
        let mut wait = (self.until_ms - now_ms).max(0.0) as u32;
        for exchange in exchanges {
            if wait > LATE_MAX_MS {
                break;
            }
            if place(&exchange.actor).is_none() {
                continue;
            }
            if exchange.seen.is_some() {
                let exchange = exchange.clone();
                Timeout::new(wait, move || tell(&exchange)).forget();
                wait += HOP_MS;
            }
            Timeout::new(wait, move || write(&exchange)).forget();
            wait += HOP_MS;
        }
        self.until_ms = now_ms + f64::from(wait);
    }
}

fn tell(exchange: &Exchange) {
    let seen = exchange.seen.map_or("", |kind| kind.name());
    send(SERVER, &exchange.actor, "token told", seen);
}

fn write(exchange: &Exchange) {
    let count = if exchange.count > 1 { format!(" ×{}", exchange.count) } else { String::new() };
    let text = format!("{} {}{count}", exchange.verb.as_str(), exchange.kind.name());
    send(&exchange.actor, SERVER, "token", &text);
}

/// Where a component is drawn, if it is.
fn place(component: &str) -> Option<DomRect> {
    let selector = format!(".xray-plane [data-component=\"{component}\"]");
    let part = gloo::utils::document().query_selector(&selector).ok().flatten()?;
    Some(part.get_bounding_client_rect())
}

/// A token goes along the row, then along the column: nothing crosses a box slantwise.
fn send(from: &str, to: &str, class: &str, text: &str) {
    let (Some(from), Some(to), Some(overlay)) = (place(from), place(to), overlay()) else { return };
    let Some(token) = token(class, text) else { return };
    let centre = |rect: &DomRect| (rect.left() + rect.width() / 2.0, rect.top() + rect.height() / 2.0);
    let ((from_x, from_y), (to_x, to_y)) = (centre(&from), centre(&to));
    let at = |x: f64, y: f64| format!("translate({x}px, {y}px) translate(-50%, -50%)");
    let corner = if class == "token" { at(to_x, from_y) } else { at(from_x, to_y) };
    let steps = [at(from_x, from_y), corner, at(to_x, to_y)];
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    if overlay.append_child(&token).is_ok() {
        if let Some(inner) = token.first_element_child() {
            animate(&inner, &[("transform", &steps)], f64::from(HOP_MS), "ease-in-out");
        }
        Timeout::new(HOP_MS, move || token.remove()).forget();
    }
}

/// A token in a frame that ends where the stage does.
fn token(class: &str, text: &str) -> Option<Element> {
    let document = gloo::utils::document();
    let (frame, inner) = (document.create_element("div").ok()?, document.create_element("span").ok()?);
    inner.set_class_name(class);
    inner.set_text_content(Some(text));
    // An element takes any attribute.
    let _ = frame.set_attribute("style", &format!("position:absolute;inset:0;{}", within_stage()));
    frame.append_child(&inner).ok()?;
    Some(frame)
}
