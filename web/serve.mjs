// A static file server for the built page, for one machine: `node serve.mjs [--port P] [--host H] [--root DIR]`.
//
// It takes the first free port from P on (8080 unless told), prints one line with the address once it answers,
// and tells browsers to keep nothing, so that a rebuilt page is what a reload shows.
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { oembed } from "./oembed.mjs";

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm", // browsers compile while it streams in only under this type
  ".yaml": "application/yaml; charset=utf-8",
};
const PORTS_TRIED = 20;

const here = dirname(fileURLToPath(import.meta.url));
const options = readOptions();
const root = resolve(options.root ?? join(here, "../dist"));
if (!isFile(join(root, "index.html"))) {
  fail(`There is no page in ${root}. Build it first: ./kubeviz build`);
}
listen(options.port, PORTS_TRIED);

function readOptions() {
  let values;
  try {
    ({ values } = parseArgs({
      options: { port: { type: "string", default: "8080" }, host: { type: "string", default: "127.0.0.1" }, root: { type: "string" } },
    }));
  } catch (error) {
    fail(`${error.message}\nUsage: ./kubeviz serve [--port P] [--host H]`);
  }
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) fail(`--port takes a number from 0 to 65535, not "${values.port}".`);
  return { ...values, port };
}

function listen(port, left) {
  const server = createServer(answer);
  server.on("error", (error) => {
    if (error.code === "EADDRINUSE" && left > 1 && port > 0 && port < 65535) return listen(port + 1, left - 1);
    if (error.code === "EADDRINUSE") fail(`Ports ${options.port} to ${port} are all in use. Give another: --port P`);
    if (error.code === "EACCES") fail(`Port ${port} needs rights that this user does not have. Give another: --port P`);
    fail(`The server could not start on ${options.host}:${port}: ${error.message}`);
  });
  server.listen(port, options.host, () => {
    const taken = options.port !== 0 && server.address().port !== options.port;
    if (taken) console.log(`Port ${options.port} is in use.`);
    const name = options.host === "127.0.0.1" ? "localhost" : options.host;
    console.log(`kubeviz is at http://${name}:${server.address().port}/  (stop it with Ctrl+C)`);
  });
}

function answer(request, response) {
  if (request.method !== "GET" && request.method !== "HEAD") return refuse(response, 405, "Only GET and HEAD are answered here.");
  const here = `http://${request.headers.host}`;
  if (request.url.startsWith("/oembed.json") && URL.canParse(request.url, here)) return answerOembed(new URL(request.url, here), response);
  const file = fileFor(request.url);
  if (!file) return refuse(response, 404, "Not found.");
  response.writeHead(200, {
    "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
    "Content-Length": statSync(file).size,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    // A course page of another site loads embed.js as a module, which browsers allow only with this header.
    "Access-Control-Allow-Origin": "*",
  });
  if (request.method === "HEAD") return response.end();
  createReadStream(file).on("error", () => response.destroy()).pipe(response);
}

function answerOembed(asked, response) {
  const { url, ...limits } = Object.fromEntries(asked.searchParams);
  const found = oembed(new URL("/", asked), url ?? new URL("/", asked).href, limits);
  if (!found) return refuse(response, 404, "That is no address of this page.");
  if (limits.format && limits.format !== "json") return refuse(response, 501, "Only JSON is answered here.");
  response.writeHead(200, { "Content-Type": TYPES[".json"], "Access-Control-Allow-Origin": "*" }).end(JSON.stringify(found));
}

/** The file a URL names, or undefined where it names none inside the root. */
function fileFor(url) {
  let path;
  try {
    path = decodeURIComponent(new URL(url, "http://localhost").pathname);
  } catch {
    return undefined;
  }
  if (path.includes("\0")) return undefined;
  const file = normalize(join(root, path.endsWith("/") ? `${path}index.html` : path));
  return file.startsWith(root + sep) && isFile(file) ? file : undefined;
}

function isFile(path) {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function refuse(response, status, text) {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(text);
}

function fail(text) {
  console.error(text);
  process.exit(1);
}
