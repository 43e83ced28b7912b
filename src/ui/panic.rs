//! What happens when the simulator breaks: the page says so, and offers what was entered so far and a way on. After a panic
//! nothing of the application can be trusted, so the message is plain markup that needs none of it.

use std::cell::RefCell;

use kubeviz::sim::JournalEntry;

use super::i18n::Lang;
use crate::tr;

thread_local! {
    /// The inputs so far as JSON, kept here so that the hook reaches them whatever state the rest is in.
    static JOURNAL: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Begins the journal of another run.
pub fn forget() {
    JOURNAL.with_borrow_mut(Vec::clear);
}

/// Notes an input for the journal that would be offered.
pub fn remember(entry: &JournalEntry) {
    let entry = serde_json::to_string(entry).unwrap_or_default();
    JOURNAL.with_borrow_mut(|kept| kept.push(entry));
}

/// Shows the message in place of the page whenever something panics.
pub fn install() {
    std::panic::set_hook(Box::new(|info| show(&info.to_string())));
}

fn show(what: &str) {
    let document = gloo::utils::document();
    let root = document.document_element();
    let lang = root.and_then(|root| root.get_attribute("lang")).and_then(|code| Lang::from_code(&code));
    let lang = lang.unwrap_or_default();
    let journal = JOURNAL.try_with(|kept| kept.try_borrow().map(|kept| kept.join(",\n")).unwrap_or_default());
    let journal = format!("{{\"inputs\": [\n{}\n]}}\n", journal.unwrap_or_default());
    let journal = String::from(js_sys::encode_uri_component(&journal));
    let (Ok(panel), Some(body)) = (document.create_element("div"), document.body()) else { return };
    panel.set_class_name("broken");
    let _ = panel.set_attribute("role", "alertdialog");
    let _ = panel.set_attribute("aria-labelledby", "broken-title");
    panel.set_inner_html(&format!(
        r#"<div class="broken-box"><h1 id="broken-title">{title}</h1><p>{text}</p><pre>{what}</pre><p class="broken-ways">
        <a class="button primary" download="kubeviz-journal.json" href="data:application/json;charset=utf-8,{journal}">{download}</a>
        <a class="button" href="">{restart}</a></p></div>"#,
        title = tr!(lang, "broken.title"),
        text = tr!(lang, "broken.text"),
        what = escape(what),
        download = tr!(lang, "broken.download"),
        restart = tr!(lang, "broken.restart"),
    ));
    let _ = body.append_child(&panel);
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
