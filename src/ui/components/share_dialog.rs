//! Links to what is on the page.

use gloo::timers::callback::Timeout;
use js_sys::{Function, Reflect};
use qrcodegen::{QrCode, QrCodeEcc};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::Icon;
use super::dialog::Dialog;
use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::{Action, Sharing};

/// Longer links are cut by some programs, and by many.
const LONG: usize = 2_000;
const TOO_LONG: usize = 8_000;
/// A picture of a longer link is too fine for a camera.
const QR_MAX: usize = 1_200;
/// How long a button says that it has copied.
const COPIED_MS: u32 = 1_500;

#[derive(Properties, PartialEq)]
pub struct ShareDialogProps {
    pub sharing: Shared<Sharing>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// The link, its length and picture, the figure for a course page, and whether it opens where one looks.
#[component]
pub fn ShareDialog(props: &ShareDialogProps) -> Html {
    let ShareDialogProps { sharing, lang, on } = props;
    let lang = *lang;
    let whole = sharing.whole;
    let toggle = on.reform(move |_: Event| Action::Share(!whole));
    let length = sharing.link.len();
    let advice = match length {
        0..LONG => tr!(lang, "share.short"),
        LONG..TOO_LONG => tr!(lang, "share.long"),
        _ => tr!(lang, "share.too_long"),
    };
    let qr = (length <= QR_MAX).then(|| picture(&sharing.link)).flatten();
    html! {
        <Dialog id="share-title" title={tr!(lang, "share.title")} {lang} on={on.clone()}>
            <label class="check"><input type="checkbox" data-testid="share-whole" checked={whole} onchange={toggle} />{ tr!(lang, "share.whole") }</label>
            <Copied label={tr!(lang, "share.link")} text={sharing.link.clone()} {lang} />
            <p class="hint" data-testid="share-length">{ tr!(lang, "share.length", count = length) }{ " " }{ advice }</p>
            <Copied label={tr!(lang, "share.figure")} text={sharing.figure.clone()} {lang} />
            if let Some((side, path)) = qr {
                <figure class="qr"><svg viewBox={format!("-4 -4 {side} {side}")} role="img" aria-label={tr!(lang, "share.qr")}><path d={path} /></svg></figure>
            }
            <p class="hint">{ tr!(lang, "share.about") }</p>
        </Dialog>
    }
}

/// The QR code of a link: its side with the margin, and an SVG path of its dark squares.
fn picture(link: &str) -> Option<(i32, String)> {
    let code = QrCode::encode_text(link, QrCodeEcc::Low).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            path += &format!("M{x} {y}h1v1h-1z");
        }
    }
    Some((code.size() + 8, path))
}

#[derive(Properties, PartialEq)]
struct CopiedProps {
    label: AttrValue,
    text: AttrValue,
    lang: Lang,
}

/// A text to take along.
#[component]
fn Copied(props: &CopiedProps) -> Html {
    let CopiedProps { label, text, lang } = props;
    let field = use_node_ref();
    let done = use_state_eq(|| false);
    let copy = {
        let (field, done, text) = (field.clone(), done.clone(), text.clone());
        move |_: MouseEvent| {
            if let Some(field) = field.cast::<HtmlInputElement>() {
                // Where the clipboard is refused, the text is at least selected.
                field.select();
            }
            if into_clipboard(&text).is_some() {
                done.set(true);
                let done = done.clone();
                Timeout::new(COPIED_MS, move || done.set(false)).forget();
            }
        }
    };
    html! {
        <div class="copied">
            <label>{ label.clone() }<input ref={field} type="text" readonly=true value={text.clone()} /></label>
            <button type="button" class="button" onclick={copy}><Icon name={if *done { "ready" } else { "file" }} /><span role="status">{ if *done { tr!(*lang, "share.copied") } else { tr!(*lang, "share.copy") } }</span></button>
        </div>
    }
}

/// `navigator.clipboard.writeText`, which only pages of a safe origin have.
fn into_clipboard(text: &str) -> Option<JsValue> {
    let navigator = Reflect::get(&gloo::utils::window(), &"navigator".into()).ok()?;
    let clipboard = Reflect::get(&navigator, &"clipboard".into()).ok().filter(JsValue::is_object)?;
    let write: Function = Reflect::get(&clipboard, &"writeText".into()).ok()?.dyn_into().ok()?;
    write.call1(&clipboard, &text.into()).ok()
}
