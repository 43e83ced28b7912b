//! What survives a reload. Browsers refuse storage in some embedded and private pages; the page then works without it.

use web_sys::Storage;

/// The colour theme, `light` or `dark`; `index.html` reads it before the first paint.
pub const THEME: &str = "kubeviz.theme";
/// The language, `en` or `ko`; likewise.
pub const LANG: &str = "kubeviz.lang";
/// The files of the editor, one JSON object; the text in front is as it was when another came to the front.
pub const FILES: &str = "kubeviz.files";
/// The text in front, as it is.
pub const MANIFEST: &str = "kubeviz.manifest";
/// The lines entered at the console, one JSON list.
pub const HISTORY: &str = "kubeviz.history";
/// How large the panels of a wide page are: widths of manifest and inspector, and the console's height, in pixels.
pub const SIZES: &str = "kubeviz.sizes";
/// Whether single-key shortcuts are off: `1`.
pub const NO_KEYS: &str = "kubeviz.nokeys";
/// How the page moves: `system`, `reduce` or `full`; `index.html` reads it.
pub const MOTION: &str = "kubeviz.motion";
/// Whether time passes in steps: `1` or `0`; nothing until somebody chooses.
pub const STEPS: &str = "kubeviz.steps";
/// How much is told to assistive technology: `off`, `story` or `all`.
pub const VOICE: &str = "kubeviz.voice";

fn storage() -> Option<Storage> {
    gloo::utils::window().local_storage().ok().flatten()
}

/// What was kept under a key.
pub fn get(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

/// Keeps a value. False where the browser refuses: storage is off, or the value too big for it.
pub fn set(key: &str, value: &str) -> bool {
    storage().is_some_and(|storage| storage.set_item(key, value).is_ok())
}
