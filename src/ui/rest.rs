//! The half of the program that the first picture does not run (`web/split.mjs` takes it out of the module that is
//! loaded first). Nothing here depends on the split: a function of that half that is called too early fetches it.

use wasm_bindgen::prelude::wasm_bindgen;

/// The window's event when the other half is there.
pub const WHOLE: &str = "kubeviz-whole";

#[wasm_bindgen]
extern "C" {
    /// Fetches the other half; 0 where nobody waits for it. The split finds this import by its name, and calls it with
    /// another number where somebody does.
    #[wasm_bindgen(js_namespace = kubeviz, js_name = loadRest)]
    pub fn load(wanted: u32);
}
