/**
 * Lets the page open without a network, once it has been open with one. Keeps the page itself and all that it names; asks the
 * network for the page first, so that nobody is left with an old one, and for nothing else that it has.
 */
const KEPT = "kubeviz";
const PAGE = self.registration.scope;

/** What the page names: its own styles, scripts, programs and pictures. */
const named = (html) => [...new Set([...html.matchAll(/["']((?:\.?\/)?[\w./-]+\.(?:css|js|wasm|svg))["']/g)].map(([, name]) => new URL(name, PAGE).href))];
/** Files whose name says what is in them never change. */
const neverChanges = (url) => /-[0-9a-f]{8,}[._]/.test(url);

async function keep(answer) {
  const cache = await caches.open(KEPT);
  const html = await answer.clone().text();
  if ((await (await cache.match(PAGE))?.text()) === html) return;
  const files = named(html);
  const fetched = async (url) => {
    if (neverChanges(url) && (await cache.match(url))) return;
    const file = await fetch(url, { cache: "no-cache" });
    // What is named and does not exist, in a comment for one, is not missed later either.
    if (file.ok) await cache.put(url, file);
  };
  await Promise.all(files.map(fetched));
  // The page last: while it is the old one, its files are there.
  await cache.put(PAGE, answer);
  for (const { url } of await cache.keys()) if (url !== PAGE && !files.includes(url)) await cache.delete(url);
}

async function page(event) {
  try {
    const answer = await fetch(event.request);
    // A server's complaint is shown, and not kept.
    if (answer.ok) event.waitUntil(keep(answer.clone()).catch(() => {}));
    return answer;
  } catch (error) {
    const kept = await caches.match(PAGE);
    if (kept) return kept;
    throw error;
  }
}

self.addEventListener("install", (event) => {
  event.waitUntil(fetch(PAGE, { cache: "no-cache" }).then((answer) => (answer.ok ? keep(answer) : undefined)));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  const isPage = request.mode === "navigate" && url.origin + url.pathname === PAGE;
  if (isPage) return event.respondWith(page(event));
  if (request.mode !== "navigate") event.respondWith(caches.match(request, { ignoreSearch: true }).then((kept) => kept ?? fetch(request)));
});
