/**
 * `<kube-viz>`, `<kube-do>` and `<kube-value>`: figures of kubeviz inside any web page.
 *
 *   <script type="module" src="https://HOST/embed.js"></script>
 *
 *   <kube-viz id="web" height="420" label="A Deployment rolls out">
 *     <script type="application/yaml">
 *       apiVersion: apps/v1
 *       ...
 *     </script>
 *     <kube-do run="kubectl scale deployment/web --replicas=5">Scale to 5</kube-do>
 *     <p>What readers without JavaScript, feeds and printers see instead.</p>
 *   </kube-viz>
 *
 *   <p>Now <kube-do for="web" run="kubectl set image deployment/web web=nginx:1.27">change the image</kube-do>.
 *   Ready: <kube-value for="web" expr="deploy/web .status.readyReplicas">3</kube-value></p>
 *
 * A figure is an iframe, so neither page can touch the other's styles; they talk by messages only. The manifest
 * travels in the part of the address after `#`, which browsers never send to a server. What stands inside the
 * element stays on screen until the figure answers, and for good where it never does.
 *
 * Attributes of <kube-viz>, all optional:
 *   height    pixels, 500 unless told; or "auto": as tall as the figure asks for
 *   ratio     such as "16/9", in place of height
 *   label     the figure's name for screen readers, and its title
 *   src       address of a manifest, in place of the inline one; that host must allow this page to read it
 *   theme     light, dark, or auto (default): as the text around the figure
 *   lang      en, ko, or auto (default): the language of the text around the figure
 *   seed      a whole number; the same seed gives the same run
 *   t         seconds of simulated time at which the figure opens
 *   speed     seconds of simulated time for one real second
 *   view      cluster (default), rollout, ...
 *   select    an object to open with, such as "pod/web-0"
 *   autoplay  0 to open paused
 *   controls  full (default); mini: the time bar without a head; none: neither
 *   panes     what there is beside the stage: "stage,time" without the manifest, "stage,time,yaml" with it open
 *   readonly  1: the manifest can be read, but not changed
 *   motion    auto (default: as the reader's system says), reduce or full
 *   ctl       1 to load nothing until the reader asks for it
 *   poster    address of a picture that stands in the figure's place until it answers; `kubeviz picture` draws one
 *   base      where kubeviz is, if not where this script came from
 *
 * Methods, each a promise of the figure's answer:
 *   exec(line) apply(yaml) load({yaml}) play() pause() step(count, grain) seek(seconds) state() send(type, fields)
 * The answer to exec and apply has `stdout`; a line that fails rejects. state() gives {state, t, playing}; load({state}) goes
 * back to it, in this figure or another.
 * follow(expr, told) calls back with a field, such as "deploy/web .status.readyReplicas", whenever it changes.
 * Events, each with the message in `detail`: ready; state {playing, t}; event {seq, t, actor, object, msg, warning}, a line of
 * what happens; change {topic, value}; resize {h}; error {code, msg}.
 *
 * Address of a figure, for pages that cannot run this script:
 *   HOST/?embed=1&theme=dark#y=URI-ENCODED-YAML
 *   HOST/?embed=1&theme=dark#s=1.BASE64URL(deflate-raw(JSON))
 *   with JSON {"v":1,"k":"1.36","seed":7,"m":"the manifests","a":[[seconds,"kubectl ..."]],"t":0,"ui":{"actions":[{"label","run"}]}}
 *   and, for more files than one, "f":[["web.yaml",null],["db.yaml","its text"]]: the one without a text is "m"
 */

const KUBERNETES = "1.36";
const PROTOCOL = 1;
const HEIGHT_PX = 500;
const LOAD_WITHIN_PX = 200;
const PING_EVERY_MS = 250;
const PINGS = 40;
/** Below this share of a figure on screen it pauses. */
const VISIBLE_SHARE = 0.25;
/** More than this many figures that run at once make a page slow and teach nothing. */
const RUNNING_AT_ONCE = 2;
const PASSED_ON = ["view", "speed", "t", "autoplay", "controls", "motion", "select", "seed", "label", "panes", "readonly"];
const EVENTS = new Set(["ready", "state", "event", "change", "resize", "error"]);
const WORDS = {
  en: { start: "Start the figure", late: "The figure could not be loaded here.", open: "Open it in a page of its own", title: "Kubernetes cluster" },
  ko: { start: "그림 시작", late: "여기에서 그림을 불러오지 못했다.", open: "별도 페이지에서 열기", title: "쿠버네티스 클러스터" },
};

/** Figures that run now, oldest first. */
const running = [];

const STYLE = `
  :host { display: block; position: relative; }
  :host([hidden]) { display: none; }
  .box { position: relative; overflow: auto; }
  .box.failed { height: auto !important; aspect-ratio: auto !important; }
  iframe { position: absolute; inset: 0; width: 100%; height: 100%; border: 0; border-radius: 8px; visibility: hidden; }
  .ready { overflow: hidden; }
  .ready iframe { visibility: visible; }
  .ready .instead, .failed iframe { display: none; }
  .poster { display: block; width: 100%; height: 100%; object-fit: contain; object-position: top; }
  .poster:not([src]), .posted:not(.failed) slot { display: none; }
  .posted .note { position: absolute; inset: auto 0 0; text-align: center; }
  .posted.failed .note { position: static; }
  .note { margin: 8px 0; }
  .note:empty { display: none; }
  button { font: inherit; min-height: 32px; padding: 2px 12px; }
`;

class KubeViz extends HTMLElement {
  static observedAttributes = ["height", "ratio", "label", "theme", "lang", "speed", "view", "select", "poster"];

  #box;
  #note;
  #frame;
  #url;
  #ready = false;
  #playing = false;
  #resume = false;
  #queue = [];
  #answers = new Map();
  #lastId = 0;
  #undo = [];
  /** Fields that are followed, with those who want to know, and what the figure said last. */
  #followed = new Map();
  #values = new Map();

  constructor() {
    super();
    const shadow = this.attachShadow({ mode: "open" });
    shadow.innerHTML = `<style>${STYLE}</style><div class="box" part="box"><div class="instead"><img class="poster" part="poster"><slot></slot><p class="note" part="note"></p></div></div>`;
    this.#box = shadow.querySelector(".box");
    this.#note = shadow.querySelector(".note");
  }

  connectedCallback() {
    this.#resize();
    this.#hang();
    this.#listen(window, "message", (event) => this.#receive(event));
    this.#listen(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.#themed());
    this.#observe((entry) => entry.isIntersecting && this.#approach(), { rootMargin: `${LOAD_WITHIN_PX}px` });
    this.#observe((entry) => this.#seen(entry.intersectionRatio >= VISIBLE_SHARE), { threshold: [0, VISIBLE_SHARE] });
  }

  disconnectedCallback() {
    for (const undo of this.#undo.splice(0)) undo();
    this.#stopped();
    this.#frame?.remove();
    this.#frame = undefined;
    this.#ready = false;
    this.#box.classList.remove("ready", "failed");
    for (const { reject } of this.#answers.values()) reject(new Error("the figure was taken off the page"));
    this.#answers.clear();
    this.#queue.length = 0;
  }

  attributeChangedCallback(name, _before, value) {
    if (name === "height" || name === "ratio") return this.#resize();
    if (name === "poster" || name === "label") this.#hang();
    if (name === "theme") this.#themed();
    if (!this.#frame) return;
    if (name === "label") this.#frame.title = this.#title();
    if (name === "lang") this.#tell("lang", { v: this.#lang() });
    if (value === null) return;
    if (name === "speed") this.#tell("speed", { x: Number(value) });
    if (name === "view") this.#tell("view", { name: value });
    if (name === "select") this.#tell("select", { ref: value });
  }

  /** Runs one line of the console. */
  exec(cmd) { return this.send("exec", { cmd }); }
  /** Applies manifests as `kubectl apply -f` does. */
  apply(yaml) { return this.send("apply", { yaml }); }
  /** Starts over from `{yaml}` or `{state}`. */
  load(what) { return this.send("load", what); }
  play() { return this.send("play"); }
  pause() { return this.send("pause"); }
  /** Steps by `n` (negative: back) of the grain "story", "write" or "hop". */
  step(n = 1, grain = "story") { return this.send("step", { n, grain }); }
  seek(t) { return this.send("seek", { t }); }
  state() { return this.send("getState"); }

  /** Sends any message of the protocol and waits for its answer; loads the figure first where it is not yet. */
  send(type, fields = {}) {
    if (!this.isConnected) return Promise.reject(new Error("the figure is not on the page"));
    const id = ++this.#lastId;
    this.#load();
    return new Promise((resolve, reject) => {
      this.#answers.set(id, { resolve, reject });
      this.#post({ ...fields, type, id });
    });
  }

  /** Calls back with a field's text (null where there is no such object), now and whenever it changes; gives what ends it. */
  follow(expr, told) {
    const listeners = this.#followed.get(expr) ?? new Set();
    this.#followed.set(expr, listeners.add(told));
    if (this.#values.has(expr)) told(this.#values.get(expr));
    else this.#subscribe();
    return () => {
      listeners.delete(told);
      if (listeners.size > 0) return;
      this.#followed.delete(expr);
      this.#values.delete(expr);
      this.#subscribe();
    };
  }

  #subscribe() {
    if (this.#ready) this.#deliver({ type: "subscribe", topics: [...this.#followed.keys()] });
  }

  // --- loading -------------------------------------------------------------------------------------------------

  #approach() {
    if (this.getAttribute("ctl") !== "1") return this.#load();
    if (this.#note.firstChild || this.#frame) return;
    const start = document.createElement("button");
    start.type = "button";
    start.textContent = this.#words().start;
    start.addEventListener("click", () => this.#load());
    this.#note.replaceChildren(start);
  }

  async #load() {
    if (this.#frame || !this.isConnected) return;
    const frame = document.createElement("iframe");
    this.#frame = frame;
    frame.title = this.#title();
    // Its own origin is kept so that the app may use storage; popups are for "open in a page of its own".
    frame.setAttribute("sandbox", "allow-scripts allow-same-origin allow-popups allow-popups-to-escape-sandbox allow-downloads");
    frame.allow = "clipboard-write; fullscreen";
    this.#note.replaceChildren();
    try {
      this.#url = await figureUrl(this.#base(), await this.#content(), this.#query());
    } catch (error) {
      return this.#fail(error);
    }
    if (this.#frame !== frame) return; // taken off the page meanwhile
    frame.src = this.#url;
    this.#box.append(frame);
    this.#ping(frame);
  }

  /** Asks the figure whether it is there until it is: its own greeting may have come before anyone listened. */
  #ping(frame) {
    let left = PINGS;
    const timer = setInterval(() => {
      if (this.#ready || this.#frame !== frame) return clearInterval(timer);
      if (left-- === 0) {
        clearInterval(timer);
        return this.#fail(new Error(`no answer from ${this.#base().host}`));
      }
      this.#deliver({ type: "ping" });
    }, PING_EVERY_MS);
    this.#undo.push(() => clearInterval(timer));
  }

  /** Shows what stands inside the element, with a link. A figure that answers late is still taken. */
  #fail(error) {
    this.#box.classList.add("failed");
    const words = this.#words();
    this.#note.textContent = `${words.late} `;
    if (this.#url) {
      const link = document.createElement("a");
      link.href = this.#url.replace("embed=1&", "");
      link.target = "_blank";
      link.rel = "noopener";
      link.textContent = words.open;
      this.#note.append(link);
    }
    this.#dispatch("error", { type: "error", code: "load", msg: String(error?.message ?? error) });
  }

  async #content() {
    const inline = this.querySelector(':scope > script[type="application/yaml"]');
    const src = this.getAttribute("src");
    let yaml = inline ? dedent(inline.textContent) : "";
    if (src) {
      const answer = await fetch(new URL(src, document.baseURI));
      if (!answer.ok) throw new Error(`${src}: ${answer.status} ${answer.statusText}`);
      yaml = await answer.text();
    }
    const actions = [...this.querySelectorAll(":scope > kube-do:not([for])")].map((action) => ({
      label: action.textContent.trim(),
      run: action.getAttribute("run") ?? "",
    }));
    return { yaml, seed: number(this.getAttribute("seed")), t: number(this.getAttribute("t")), actions };
  }

  #query() {
    const query = new URLSearchParams({ embed: "1", theme: this.#theme(), lang: this.#lang() });
    for (const name of PASSED_ON) if (this.hasAttribute(name)) query.set(name, this.getAttribute(name));
    // The figure answers to this page and no other.
    if (location.origin !== "null") query.set("origin", location.origin);
    return query;
  }

  // --- messages ------------------------------------------------------------------------------------------------

  #tell(type, fields) {
    if (this.#frame) this.#post({ ...fields, type });
  }

  #post(message) {
    if (this.#ready) this.#deliver(message);
    else this.#queue.push(message);
  }

  #deliver(message) {
    this.#frame?.contentWindow?.postMessage({ kubeviz: PROTOCOL, ...message }, this.#base().origin);
  }

  #receive(event) {
    const message = event.data;
    if (!this.#frame || event.source !== this.#frame.contentWindow || event.origin !== this.#base().origin) return;
    if (message?.kubeviz !== PROTOCOL || typeof message.type !== "string") return;
    if (message.type === "ready") this.#becomeReady();
    if (message.type === "state") this.#remember(message.playing === true);
    if (message.type === "resize" && this.getAttribute("height") === "auto" && message.h > 0) this.#box.style.height = `${message.h}px`;
    if (message.type === "change") this.#changed(message);
    if (message.type === "result") this.#answer(message);
    if (EVENTS.has(message.type)) this.#dispatch(message.type, message);
  }

  #becomeReady() {
    if (this.#ready) return;
    this.#ready = true;
    this.#box.classList.remove("failed");
    this.#box.classList.add("ready");
    if (this.#followed.size > 0) this.#subscribe();
    for (const message of this.#queue.splice(0)) this.#deliver(message);
  }

  #changed({ topic, value }) {
    this.#values.set(topic, value);
    for (const told of this.#followed.get(topic) ?? []) told(value);
  }

  #answer(message) {
    const waiting = this.#answers.get(message.id);
    if (!waiting) return;
    this.#answers.delete(message.id);
    if (message.ok === false) waiting.reject(new Error(message.msg ?? "refused"));
    else waiting.resolve(message);
  }

  #dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  // --- running only where it is looked at ----------------------------------------------------------------------

  #seen(visible) {
    if (!visible && this.#playing) {
      this.#resume = true;
      this.#tell("pause", { why: "offscreen" });
    } else if (visible && this.#resume) {
      this.#resume = false;
      this.#tell("play", { why: "onscreen" });
    }
  }

  #remember(playing) {
    this.#playing = playing;
    if (!playing) return this.#stopped();
    if (running.includes(this)) return;
    running.push(this);
    if (running.length > RUNNING_AT_ONCE) running[0].#tell("pause", { why: "others" });
  }

  #stopped() {
    const place = running.indexOf(this);
    if (place >= 0) running.splice(place, 1);
  }

  // --- small things --------------------------------------------------------------------------------------------

  #resize() {
    const ratio = this.getAttribute("ratio");
    const height = number(this.getAttribute("height")) ?? HEIGHT_PX;
    this.#box.style.aspectRatio = ratio ?? "";
    this.#box.style.height = ratio ? "" : `${height}px`;
  }

  #base() {
    return new URL(this.getAttribute("base") ?? ".", this.hasAttribute("base") ? document.baseURI : import.meta.url);
  }

  /** Has the poster and the figure follow the theme. */
  #themed() {
    this.#hang();
    if (this.#frame) this.#tell("theme", { v: this.#theme() });
  }

  /** Shows the poster, if there is one. It is as dark as the figure will be, where it can be either. */
  #hang() {
    const poster = this.getAttribute("poster");
    const image = this.#box.querySelector(".poster");
    this.#box.classList.toggle("posted", poster !== null);
    if (poster === null) return image.removeAttribute("src");
    image.style.colorScheme = this.isConnected ? this.#theme() : "";
    image.alt = this.getAttribute("label") ?? "";
    image.src = new URL(poster, document.baseURI).href;
  }

  #title() {
    return this.getAttribute("label") ?? this.#words().title;
  }

  #words() {
    return WORDS[this.#lang()];
  }

  #lang() {
    const own = this.getAttribute("lang");
    const lang = own && own !== "auto" ? own : (this.parentElement?.closest("[lang]")?.lang ?? navigator.language);
    return lang.toLowerCase().startsWith("ko") ? "ko" : "en";
  }

  /** A page that does not say it can be dark is light, whatever the reader's system prefers. */
  #theme() {
    const own = this.getAttribute("theme");
    if (own && own !== "auto") return own;
    const scheme = getComputedStyle(this).colorScheme;
    if (!scheme.includes("dark")) return "light";
    if (!scheme.includes("light")) return "dark";
    return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }

  #listen(target, type, handler) {
    target.addEventListener(type, handler);
    this.#undo.push(() => target.removeEventListener(type, handler));
  }

  #observe(handler, options) {
    const observer = new IntersectionObserver((entries) => handler(entries.at(-1)), options);
    observer.observe(this);
    this.#undo.push(() => observer.disconnect());
  }
}

/** A button in the text that runs console lines in a figure. */
class KubeDo extends HTMLElement {
  #button;

  constructor() {
    super();
    const shadow = this.attachShadow({ mode: "open", delegatesFocus: true });
    shadow.innerHTML = `<style>
      :host { display: inline; }
      button { font: inherit; color: inherit; background: none; border: 1px solid currentColor; border-radius: 4px; min-height: 24px; padding: 0 .5em; cursor: pointer; }
      button:hover { text-decoration: underline; }
      button[aria-busy=true] { cursor: progress; }
    </style><button type="button" part="button"><slot></slot></button>`;
    this.#button = shadow.querySelector("button");
    this.#button.addEventListener("click", () => this.run());
  }

  connectedCallback() {
    this.#button.title = this.getAttribute("run") ?? "";
  }

  /** Runs the lines of `run` one after another; stops at the first that fails. */
  async run() {
    const figure = figureOf(this);
    if (!figure) return console.warn("kube-do: there is no <kube-viz> with the id in `for`", this);
    this.#button.setAttribute("aria-busy", "true");
    try {
      for (const line of (this.getAttribute("run") ?? "").split("\n").map((text) => text.trim()).filter(Boolean)) await figure.exec(line);
    } catch (error) {
      console.warn(`kube-do: ${error.message}`, this);
    } finally {
      this.#button.removeAttribute("aria-busy");
    }
  }
}

/** The figure that an element of the text belongs to: the one named by `for`, or the one around it. */
function figureOf(element) {
  const name = element.getAttribute("for");
  const found = name ? document.getElementById(name) : element.closest("kube-viz");
  return found instanceof KubeViz ? found : undefined;
}

/** A field of an object in a figure, in the text and always up to date; its own content until the figure knows. */
class KubeValue extends HTMLElement {
  static observedAttributes = ["for", "expr"];
  #end;

  connectedCallback() {
    this.#begin();
  }

  disconnectedCallback() {
    this.#end?.();
    this.#end = undefined;
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#begin();
  }

  #begin() {
    this.disconnectedCallback();
    const figure = figureOf(this);
    if (!figure) return console.warn("kube-value: there is no <kube-viz> with the id in `for`", this);
    // What is not there has no value; a field that is left out is zero to Kubernetes, and says so as a dash too.
    this.#end = figure.follow(this.getAttribute("expr") ?? "", (value) => (this.textContent = value || "–"));
  }
}

/**
 * The address of a figure.
 * @param {URL|string} base where kubeviz is
 * @param {{yaml: string, seed?: number, t?: number, actions?: {label: string, run: string}[]}} content
 * @param {URLSearchParams|Record<string, string>} query presentation only
 */
export async function figureUrl(base, content, query) {
  const url = new URL(base);
  url.search = new URLSearchParams(query).toString();
  const { yaml, seed, t, actions } = content;
  const ui = actions?.length ? { actions } : {};
  const packed = await pack(JSON.stringify({ v: 1, k: KUBERNETES, seed, m: yaml, a: [], t, ui }));
  // Without compression (browsers before 2023) the manifest goes as it is; only own action buttons are lost.
  url.hash = packed === undefined ? `y=${encodeURIComponent(yaml)}` : `s=1.${packed}`;
  return url.href;
}

/** base64url(deflate-raw(text)), or undefined where the browser cannot. */
async function pack(text) {
  if (typeof CompressionStream === "undefined") return undefined;
  let stream;
  try {
    stream = new CompressionStream("deflate-raw");
  } catch {
    return undefined; // knows streams, but not this format
  }
  const bytes = new Uint8Array(await new Response(new Blob([text]).stream().pipeThrough(stream)).arrayBuffer());
  let binary = "";
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Takes away the indentation that a manifest has only because it stands inside indented HTML. */
function dedent(text) {
  const lines = text.replace(/^\s*\n/, "").trimEnd().split("\n");
  const indents = lines.filter((line) => line.trim()).map((line) => line.match(/^ */)[0].length);
  const common = Math.min(...indents, Infinity);
  return Number.isFinite(common) ? `${lines.map((line) => line.slice(common)).join("\n")}\n` : "";
}

function number(text) {
  const value = text === null || text.trim() === "" ? NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}

if (!customElements.get("kube-viz")) {
  customElements.define("kube-viz", KubeViz);
  customElements.define("kube-do", KubeDo);
  customElements.define("kube-value", KubeValue);
}
