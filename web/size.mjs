// Prints what a first visit downloads, brotli-compressed as a web host would send it, against the budget.
//
// The editor bundle and the half of the program that the first picture does not run are listed but not counted: the
// one is loaded when an editor is first shown, the other behind the first picture.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";

const BUDGET_BYTES = 450_000;
const FIRST_LOAD = new Set([".html", ".css", ".js", ".wasm", ".svg"]);
const LATER = [/^generated\//, /^embed/, /_rest\.wasm$/];

const dist = join(dirname(fileURLToPath(import.meta.url)), "../dist");
if (!existsSync(join(dist, "index.html"))) {
  console.error("There is no built page in dist/. Build it first: ./kubeviz build");
  process.exit(1);
}

const rows = files(dist)
  .filter((path) => FIRST_LOAD.has(extname(path)))
  .map((path) => {
    const bytes = readFileSync(path);
    const name = relative(dist, path).replaceAll("\\", "/");
    return { name, raw: bytes.length, brotli: brotli(bytes), later: LATER.some((pattern) => pattern.test(name)) };
  })
  .sort((a, b) => Number(a.later) - Number(b.later) || b.brotli - a.brotli);
const first = rows.filter((row) => !row.later).reduce((sum, row) => sum + row.brotli, 0);

for (const { name, raw, brotli, later } of rows) {
  console.log(`${String(raw).padStart(9)} ${String(brotli).padStart(8)} br  ${name}${later ? "  (on demand)" : ""}`);
}
const verdict = first <= BUDGET_BYTES ? "within" : "OVER";
console.log(`first load: ${first} bytes brotli, ${verdict} the budget of ${BUDGET_BYTES}`);
if (first > BUDGET_BYTES) process.exitCode = 1;

function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? files(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}

function brotli(bytes) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return brotliCompressSync(bytes, { params }).length;
}
