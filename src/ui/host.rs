//! A figure and the page around it talk by messages (`{kubeviz: 1, type, …}`).

use gloo::events::EventListener;
use js_sys::{Array, Object, Reflect};
use kubeviz::sim::Grain;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::MessageEvent;
use yew::Callback;

/// What the page around the figure may ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Are you there?
    Ping,
    /// Let time pass.
    Play,
    /// Hold it.
    Pause,
    /// Go so many steps of a grain forward, or back.
    Step(i32, Grain),
    /// Look at a time, in seconds.
    Seek(f64),
    /// Run a kubectl line.
    Exec(String),
    /// Apply a manifest.
    Apply(String),
    /// Start over with a manifest.
    Load(String),
    /// Start over with what `getState` gave, as JSON.
    Restore(String),
    /// Change the language.
    Lang(String),
    /// Change the theme.
    Theme(String),
    /// Look at the cluster another way.
    View(String),
    /// Choose a speed.
    Speed(f64),
    /// Put an object under the glass: `pod/web-0`.
    Select(String),
    /// Tell these fields, now and whenever they change: `deploy/web .status.readyReplicas`.
    Subscribe(Vec<String>),
    /// Tell how you are.
    GetState,
}

fn field(message: &JsValue, name: &str) -> JsValue {
    Reflect::get(message, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// Listens to the page around the figure, and to nobody else. With a request comes its number, which the answer carries;
/// undefined where no answer is wanted.
pub fn listen(origin: Option<String>, heard: Callback<(Request, JsValue)>) -> EventListener {
    EventListener::new(&gloo::utils::window(), "message", move |event| {
        let Some(event) = event.dyn_ref::<MessageEvent>() else { return };
        let parent = gloo::utils::window().parent().ok().flatten().map(JsValue::from);
        let from_parent = event.source().map(JsValue::from) == parent;
        if !from_parent || origin.as_ref().is_some_and(|origin| *origin != event.origin()) {
            return;
        }
        let message = event.data();
        if !message.is_object() || field(&message, "kubeviz").as_f64() != Some(1.0) {
            return;
        }
        let id = field(&message, "id");
        match read(&message) {
            Some(request) => heard.emit((request, id)),
            None if id.is_undefined() => {}
            None => {
                let why = "no message of this protocol, or one that lacks a field";
                say(origin.as_deref(), "result", &[("id", id), ("ok", false.into()), ("msg", why.into())]);
            }
        }
    })
}

fn read(message: &JsValue) -> Option<Request> {
    let text = |name: &str| field(message, name).as_string();
    Some(match text("type")?.as_str() {
        "ping" => Request::Ping,
        "play" => Request::Play,
        "pause" => Request::Pause,
        "step" => {
            let grain = match text("grain") {
                Some(name) => Grain::from_name(&name)?,
                None => Grain::Story,
            };
            Request::Step(field(message, "n").as_f64().unwrap_or(1.0) as i32, grain)
        }
        "seek" => Request::Seek(field(message, "t").as_f64()?),
        "exec" => Request::Exec(text("cmd")?),
        "apply" => Request::Apply(text("yaml")?),
        "load" => match text("yaml") {
            Some(yaml) => Request::Load(yaml),
            None => {
                let state = js_sys::JSON::stringify(&field(message, "state")).ok()?;
                Request::Restore(JsValue::from(state).as_string()?)
            }
        },
        "lang" => Request::Lang(text("v")?),
        "theme" => Request::Theme(text("v")?),
        "view" => Request::View(text("name")?),
        "speed" => Request::Speed(field(message, "x").as_f64()?),
        "select" => Request::Select(text("ref")?),
        "subscribe" => {
            let topics = Array::from(&field(message, "topics"));
            Request::Subscribe(topics.iter().filter_map(|topic| topic.as_string()).collect())
        }
        "getState" => Request::GetState,
        _ => return None,
    })
}

/// Says something to the page around the figure.
pub fn say(origin: Option<&str>, type_: &str, fields: &[(&str, JsValue)]) {
    let window = gloo::utils::window();
    let Some(parent) = window.parent().ok().flatten().filter(|parent| *parent != window) else { return };
    let message = Object::new();
    let put = |name: &str, value: &JsValue| {
        let _ = Reflect::set(&message, &name.into(), value);
    };
    put("kubeviz", &1.into());
    put("type", &type_.into());
    fields.iter().for_each(|(name, value)| put(name, value));
    // A parent that is gone hears nothing.
    let _ = parent.post_message(&message, origin.unwrap_or("*"));
}
