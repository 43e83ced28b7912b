// Bundles the YAML editor into static/generated/editor.js, a plain script that sets `window.kubevizEditor`.
//
// The bundle is a file of its own because the page loads it only when an editor is first shown: it is a
// quarter of all the code, and an embedded figure usually never needs it. It is not committed, and the Rust
// side reaches it through the window and not through `#[wasm_bindgen(module)]`, which would make `cargo check`
// fail on a fresh clone.
import { build } from "esbuild";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

await build({
  entryPoints: [join(here, "editor.ts")],
  outfile: join(here, "../static/generated/editor.js"),
  bundle: true,
  format: "iife",
  target: "es2022",
  minify: true,
  legalComments: "none",
  banner: { js: "/* CodeMirror 6 and Lezer, MIT, (c) Marijn Haverbeke and others; see web/package.json */" },
  logLevel: "warning",
});
