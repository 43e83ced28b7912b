//! The YAML editor is JavaScript, loaded when first needed; this is the handle on it. Positions are UTF-16 units there and
//! bytes here.

use js_sys::{Array, Function, Object, Promise, Reflect};
use kubeviz::api::manifest::{Diagnostic, Severity, SourceMap};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::Element;
use yew::{AttrValue, Callback};

use crate::tr;
use crate::ui::i18n::Lang;

/// What the editor calls: on a change, to apply, to complete. They live as long as it does.
type Closures =
    (Closure<dyn FnMut(String)>, Closure<dyn FnMut()>, Closure<dyn FnMut(String, u32) -> JsValue>);

/// An editor on the page. Dropping it leaves the element to Yew.
pub struct Editor {
    handle: JsValue,
    _closures: Closures,
}

fn set(object: &Object, name: &str, value: impl Into<JsValue>) {
    // A plain object takes any property.
    let _ = Reflect::set(object, &name.into(), &value.into());
}

/// Loads the editor's bundle and makes an editor in `parent`. `None` if the bundle cannot be loaded: the plain text field then
/// stays.
pub async fn create(
    parent: Element,
    text: String,
    label: String,
    lang: &'static str,
    on_change: Callback<String>,
    on_apply: Callback<()>,
) -> Option<Editor> {
    let page = Reflect::get(&gloo::utils::window(), &"kubeviz".into()).ok()?;
    let load: Function = Reflect::get(&page, &"loadEditor".into()).ok()?.dyn_into().ok()?;
    let promise: Promise = load.call0(&page).ok()?.dyn_into().ok()?;
    let editors = JsFuture::from(promise).await.ok()?;
    let make: Function = Reflect::get(&editors, &"create".into()).ok()?.dyn_into().ok()?;
    let change = Closure::new(move |text: String| on_change.emit(text));
    let apply = Closure::new(move || on_apply.emit(()));
    let complete = Closure::new(|text: String, position: u32| completions(&text, position));
    let options = Object::new();
    set(&options, "doc", text);
    set(&options, "label", label);
    set(&options, "lang", lang);
    set(&options, "onChange", change.as_ref().clone());
    set(&options, "onApply", apply.as_ref().clone());
    set(&options, "complete", complete.as_ref().clone());
    let handle = make.call2(&editors, &parent, &options).ok()?;
    Some(Editor { handle, _closures: (change, apply, complete) })
}

impl Editor {
    fn method(&self, name: &str) -> Option<Function> {
        Reflect::get(&self.handle, &name.into()).ok()?.dyn_into().ok()
    }

    fn call(&self, name: &str, argument: &JsValue) {
        if let Some(function) =
            Reflect::get(&self.handle, &name.into()).ok().and_then(|f| f.dyn_into::<Function>().ok())
        {
            // The editor's methods do not throw; if one did, the text is still there.
            let _ = function.call1(&self.handle, argument);
        }
    }

    /// Replaces the text.
    pub fn set_text(&self, text: &str) {
        self.call("setText", &text.into());
    }

    /// Selects a range, in UTF-16 units, and scrolls to it.
    pub fn reveal(&self, from: u32, to: u32) {
        if let Some(function) = self.method("reveal") {
            let _ = function.call2(&self.handle, &from.into(), &to.into());
        }
    }

    /// Says in another language what the editor is, and in which language it speaks.
    pub fn set_label(&self, label: &str, lang: &str) {
        if let Some(function) = self.method("setLabel") {
            let _ = function.call2(&self.handle, &label.into(), &lang.into());
        }
    }

    /// Marks errors, warnings and what is not simulated.
    pub fn set_diagnostics(&self, diagnostics: &[Diagnostic], lang: Lang) {
        let marks = Array::new();
        for diagnostic in diagnostics {
            let mark = Object::new();
            set(&mark, "from", diagnostic.utf16.from);
            set(&mark, "to", diagnostic.utf16.to.max(diagnostic.utf16.from + 1));
            let severity = match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Unsimulated => "info",
            };
            set(&mark, "severity", severity);
            set(&mark, "message", message(diagnostic, lang).as_str());
            marks.push(&mark);
        }
        self.call("setDiagnostics", &marks);
    }
}

/// What a finding says: the API server's words, or ours about what is left alone.
pub fn message(diagnostic: &Diagnostic, lang: Lang) -> AttrValue {
    match (&diagnostic.severity, &diagnostic.path) {
        (Severity::Unsimulated, Some(path)) => tr!(lang, "manifest.unsimulated", path = path),
        _ => diagnostic.message.clone().into(),
    }
}

fn completions(text: &str, position: u32) -> JsValue {
    let offset = byte_offset(text, position);
    let Some((from, options)) = kubeviz::view::complete_manifest(text, offset) else { return JsValue::NULL };
    let list = Array::new();
    for option in options {
        let entry = Object::new();
        set(&entry, "label", option.label);
        set(&entry, "type", if option.detail.is_empty() { "enum" } else { "property" });
        set(&entry, "detail", option.detail);
        list.push(&entry);
    }
    let answer = Object::new();
    set(&answer, "from", SourceMap::new(text).utf16(from as u32));
    set(&answer, "options", list);
    answer.into()
}

fn byte_offset(text: &str, utf16: u32) -> usize {
    let mut units = 0;
    for (at, letter) in text.char_indices() {
        if units >= utf16 {
            return at;
        }
        units += letter.len_utf16() as u32;
    }
    text.len()
}
