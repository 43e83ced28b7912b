// Optimises the built page's module and splits it in two halves: what the first picture runs, and the rest.
//
//   node halves.mjs            makes the halves, by the list in later.txt
//   node halves.mjs --record   makes a page that notes which functions run, for record.mjs
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { placement, withoutPlacement } from "./data.mjs";
import { recorded } from "./later.mjs";
import { instrument, split } from "./split.mjs";
import { parse } from "./wasm.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "../dist");
/** What rustc uses of WebAssembly beyond its first version, and every browser of the last years knows. */
const FEATURES = ["bulk-memory", "sign-ext", "mutable-globals", "nontrapping-float-to-int", "reference-types", "multivalue"];

/** How large a function with one caller may be to be put into its caller, in binaryen's measure. */
const INLINE_MAX = 60;

const wasm = only(/^web-[0-9a-f]+_bg\.wasm$/);
const glue = only(/^web-[0-9a-f]+\.js$/);

const linked = readFileSync(join(dist, wasm));
const placed = placement(linked);
writeFileSync(join(dist, wasm), withoutPlacement(linked));
optimise(join(dist, wasm));
const program = readFileSync(join(dist, wasm));
// The files come from where the page comes from: digests of them would protect nobody, and are not compressed.
replaceIn("index.html", / integrity="[^"]*"/g, "");
replaceIn(glue, /wasm = instance\.exports;/, "wasm = kubeviz.program = instance.exports;");
if (process.argv.includes("--record")) {
  writeFileSync(join(dist, wasm), instrument(program));
  writeFileSync(join(dist, "functions.json"), JSON.stringify([...parse(program).names]));
  replaceIn("index.html", /<script type="module">/, "<script>kubeviz.ran = new Set(); kubeviz.loadRest = (one) => kubeviz.ran.add(one);</script>\n$&");
} else {
  const { first, rest } = split(program, recorded(), placed);
  const half = wasm.replace("_bg", "_rest");
  writeFileSync(join(dist, wasm), first);
  writeFileSync(join(dist, half), rest);
  replaceIn("index.html", /<\/head>/, `<link data-rest href="./${half}"></head>`);
  rename(digest("sha256", first, "hex").slice(0, 16));
  // What is written for people stays in the sources.
  replaceIn("index.html", /<!--.*?-->\s*/gs, "");
  for (const file of readdirSync(dist).filter((name) => /^(tokens|layout|cards|panels)-.*\.css$/.test(name))) replaceIn(file, /\/\*.*?\*\/\s*/gs, "");
}

/** The halves only fit each other: a browser must not take one of them from an older visit. */
function rename(version) {
  const old = /^web-([0-9a-f]+)/.exec(wasm)[1];
  replaceIn("index.html", `web-${old}`, `web-${version}`);
  for (const file of readdirSync(dist).filter((name) => name.includes(`web-${old}`))) {
    renameSync(join(dist, file), join(dist, file.replace(old, version)));
  }
}

/** The one file of the built page whose name fits. */
function only(pattern) {
  const found = existsSync(dist) ? readdirSync(dist).filter((name) => pattern.test(name)) : [];
  if (found.length !== 1) throw new Error(`dist/ has ${found.length} files like ${pattern}: build the page first`);
  return found[0];
}

/**
 * For size, with the functions' names, which the split goes by. What has one caller stays a function of its own unless it is small: put
 * into its caller, it would be in the first half wherever the caller is.
 */
function optimise(path) {
  const optimised = `${path}.opt`;
  const features = FEATURES.map((feature) => `--enable-${feature}`);
  execFileSync("wasm-opt", [path, ...features, "-Oz", `--one-caller-inline-max-function-size=${INLINE_MAX}`, "-g", "-o", optimised], { stdio: "inherit" });
  rmSync(path);
  renameSync(optimised, path);
}

function digest(algorithm, bytes, form) {
  return createHash(algorithm).update(bytes).digest(form);
}

function replaceIn(file, what, by) {
  const path = join(dist, file);
  const text = readFileSync(path, "utf8");
  const replaced = typeof what === "string" ? text.replaceAll(what, by) : text.replace(what, by);
  if (replaced === text) throw new Error(`${file} has no ${what} to replace`);
  writeFileSync(path, replaced);
}
