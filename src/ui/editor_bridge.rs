//! The YAML editor is JavaScript, loaded when first needed; this is the handle on it. Positions are UTF-16 units there and
//! bytes here.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Array, Function, Object, Promise, Reflect};
use kubeviz::api::manifest::{Diagnostic, Severity, SourceMap};
use kubeviz::view::assist::{Fact, What};
use kubeviz::view::quick_fix::{QuickFix, Remedy};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::Element;
use yew::{AttrValue, Callback};

use crate::tr;
use crate::ui::driver::Driver;
use crate::ui::i18n::Lang;

/// What answers about a word of the text.
type Asked = Closure<dyn FnMut(String, u32) -> JsValue>;
/// What the editor calls: on a change, to apply, to complete, to explain, when it is pointed at. They live as long as it does.
type Closures = (Closure<dyn FnMut(String)>, Closure<dyn FnMut()>, Asked, Asked, Closure<dyn FnMut(i32)>);

/// An editor on the page. Dropping it leaves the element to Yew.
pub struct Editor {
    handle: JsValue,
    /// The language in which it explains.
    lang: Rc<Cell<Lang>>,
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
    lang: Lang,
    driver: Rc<RefCell<Driver>>,
    on_change: Callback<String>,
    on_apply: Callback<()>,
    on_point: Callback<Option<u32>>,
) -> Option<Editor> {
    let page = Reflect::get(&gloo::utils::window(), &"kubeviz".into()).ok()?;
    let load: Function = Reflect::get(&page, &"loadEditor".into()).ok()?.dyn_into().ok()?;
    let promise: Promise = load.call0(&page).ok()?.dyn_into().ok()?;
    let editors = JsFuture::from(promise).await.ok()?;
    let make: Function = Reflect::get(&editors, &"create".into()).ok()?.dyn_into().ok()?;
    let change = Closure::new(move |text: String| on_change.emit(text));
    let apply = Closure::new(move || on_apply.emit(()));
    let spoken = Rc::new(Cell::new(lang));
    let (asked, known) = (driver.clone(), spoken.clone());
    let complete = Closure::new(move |text: String, position: u32| {
        // It is asked from a timer, when nobody else is at the driver.
        asked.try_borrow().map_or(JsValue::NULL, |driver| completions(&driver, &text, position, known.get()))
    });
    let (asked, known) = (driver, spoken.clone());
    let hover = Closure::new(move |text: String, position: u32| {
        asked.try_borrow().map_or(JsValue::NULL, |driver| explanation(&driver, &text, position, known.get()))
    });
    let point = Closure::new(move |position: i32| on_point.emit(u32::try_from(position).ok()));
    let options = Object::new();
    set(&options, "doc", text);
    set(&options, "label", tr!(lang, "manifest.label").as_str());
    set(&options, "lang", lang.code());
    set(&options, "onChange", change.as_ref().clone());
    set(&options, "onApply", apply.as_ref().clone());
    set(&options, "complete", complete.as_ref().clone());
    set(&options, "hover", hover.as_ref().clone());
    set(&options, "onPoint", point.as_ref().clone());
    let handle = make.call2(&editors, &parent, &options).ok()?;
    Some(Editor { handle, lang: spoken, _closures: (change, apply, complete, hover, point) })
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

    /// Shows another text, with the history of changes that it had when it was last shown.
    pub fn open(&self, id: u32, text: &str, lang: Lang) {
        if let Some(function) = self.method("open") {
            let _ = function.call2(&self.handle, &id.into(), &text.into());
        }
        self.set_lang(lang);
    }

    /// Selects a range, in UTF-16 units, and scrolls to it.
    pub fn reveal(&self, from: u32, to: u32) {
        if let Some(function) = self.method("reveal") {
            let _ = function.call2(&self.handle, &from.into(), &to.into());
        }
    }

    /// Takes the focus.
    pub fn focus(&self) {
        if let Some(function) = self.method("focus") {
            let _ = function.call0(&self.handle);
        }
    }

    /// Marks the lines of a range, in UTF-16 units; an empty range marks none.
    pub fn light(&self, from: u32, to: u32) {
        if let Some(function) = self.method("light") {
            let _ = function.call2(&self.handle, &from.into(), &to.into());
        }
    }

    /// Speaks another language from now on.
    pub fn set_lang(&self, lang: Lang) {
        self.lang.set(lang);
        if let Some(function) = self.method("setLabel") {
            let label = tr!(lang, "manifest.label");
            let _ = function.call2(&self.handle, &label.as_str().into(), &lang.code().into());
        }
    }

    /// Whether it can be read, but not changed.
    pub fn set_readonly(&self, readonly: bool) {
        self.call("setReadonly", &readonly.into());
    }

    /// Marks errors, warnings and what is not simulated.
    pub fn set_diagnostics(&self, diagnostics: &[Diagnostic], fixes: &[QuickFix], lang: Lang) {
        let marks = Array::new();
        for (at, diagnostic) in diagnostics.iter().enumerate() {
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
            let own = Array::new();
            // What changes no text stands beside the finding only.
            let of_text = |fix: &&QuickFix| !matches!(fix.what, Remedy::Recreate(_));
            for fix in fixes.iter().filter(|fix| fix.diagnostic == at).filter(of_text) {
                let entry = Object::new();
                set(&entry, "label", remedy(&fix.what, lang).as_str());
                set(&entry, "from", fix.utf16.from);
                set(&entry, "to", fix.utf16.to);
                set(&entry, "insert", fix.with.as_str());
                own.push(&entry);
            }
            if own.length() > 0 {
                set(&mark, "fixes", own);
            }
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

/// What a fix does.
pub fn remedy(what: &Remedy, lang: Lang) -> AttrValue {
    match what {
        Remedy::Write(text) => tr!(lang, "quick.write", text = text),
        Remedy::Add(text) => tr!(lang, "quick.add", text = text),
        Remedy::Remove(text) => tr!(lang, "quick.remove", text = text),
        Remedy::Quote => tr!(lang, "quick.quote"),
        Remedy::Unquote => tr!(lang, "quick.unquote"),
        Remedy::List => tr!(lang, "quick.list"),
        Remedy::Spaces => tr!(lang, "quick.spaces"),
        Remedy::Labels => tr!(lang, "quick.labels"),
        Remedy::Recreate(_) => tr!(lang, "quick.recreate"),
    }
}

fn completions(driver: &Driver, text: &str, position: u32, lang: Lang) -> JsValue {
    let Some((from, options)) = driver.complete(text, byte_offset(text, position)) else {
        return JsValue::NULL;
    };
    let (list, count) = (Array::new(), options.len());
    for (at, option) in options.into_iter().enumerate() {
        let entry = Object::new();
        let kind = match option.what {
            What::Field => "property",
            What::Value => "enum",
            What::Object => "variable",
            What::Template => "class",
        };
        let mut detail = option.detail.clone();
        let mut also = |on: bool, text: AttrValue| {
            if on {
                detail = if detail.is_empty() { text.to_string() } else { format!("{detail} · {text}") };
            }
        };
        also(option.required, tr!(lang, "assist.required"));
        also(option.unsimulated, tr!(lang, "assist.unsimulated"));
        also(option.here, tr!(lang, "assist.here"));
        set(&entry, "label", option.label);
        set(&entry, "type", kind);
        set(&entry, "detail", detail);
        // In the order in which they are given, as long as nothing is typed.
        set(&entry, "boost", 99.0 - 198.0 * at as f64 / count as f64);
        if let Some(apply) = option.apply {
            set(&entry, "apply", apply);
        }
        list.push(&entry);
    }
    let answer = Object::new();
    set(&answer, "from", SourceMap::new(text).utf16(from as u32));
    set(&answer, "options", list);
    answer.into()
}

fn explanation(driver: &Driver, text: &str, position: u32, lang: Lang) -> JsValue {
    let Some(found) = driver.explain(text, byte_offset(text, position)) else { return JsValue::NULL };
    let lines: Vec<AttrValue> = found.facts.iter().map(|fact| fact_text(fact, lang)).collect();
    let (map, answer) = (SourceMap::new(text), Object::new());
    set(&answer, "from", map.utf16(found.from as u32));
    set(&answer, "to", map.utf16(found.to as u32));
    set(&answer, "text", lines.join("\n"));
    answer.into()
}

fn fact_text(fact: &Fact, lang: Lang) -> AttrValue {
    match fact {
        Fact::Field(path, ty) => format!("{path}  <{ty}>").into(),
        Fact::Required => tr!(lang, "assist.is_required"),
        Fact::Unsimulated => tr!(lang, "assist.is_unsimulated"),
        Fact::OneOf(values) => tr!(lang, "assist.one_of", values = values.join(", ")),
        Fact::Default(value) => tr!(lang, "assist.default", value = value),
        Fact::Immutable(words) => tr!(lang, "assist.immutable", words = words),
        Fact::Kind(version, word) => format!("{word}  {version}").into(),
        Fact::Object(kind, name, false) => format!("{kind} {name}").into(),
        Fact::Object(kind, name, true) => tr!(lang, "assist.object_here", kind = kind, name = name),
        Fact::Missing(kind, name) => tr!(lang, "assist.missing", kind = kind, name = name),
        Fact::Part(path, value) => format!("{path}: {value}").into(),
    }
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
