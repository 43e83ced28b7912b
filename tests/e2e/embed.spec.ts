/** Figures inside another page: embed.js against a stand-in figure, then the real page inside a course page. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";
import { expect, expectAccessible, Stage, test } from "./fixture";

interface Message {
  kubeviz: number;
  type: string;
  [field: string]: unknown;
}

/** A figure of a few lines that speaks the protocol and keeps what it was told. */
const STAND_IN = `<!doctype html><title>figure</title><body>figure<script>
  window.heard = [];
  const say = (message) => parent.postMessage({ kubeviz: 1, ...message }, "*");
  addEventListener("message", ({ data }) => {
    if (data.type === "ping") return say({ type: "ready", version: 1 });
    heard.push(data);
    if (data.type === "pause") say({ type: "state", playing: false });
    if (data.id) say({ type: "result", id: data.id, ok: data.cmd !== "bad", msg: "no such command" });
  });
</script>`;

/** A course page served from an origin of its own, so that everything crosses origins as it does in use. */
async function coursePage(page: Page, baseURL: string, body: string): Promise<void> {
  const html = `<!doctype html><html lang="ko"><title>course</title><link rel="icon" href="data:,"><script type="module" src="${baseURL}/embed.js"></script>${body}`;
  const server = createServer((_, response) => response.setHeader("Content-Type", "text/html; charset=utf-8").end(html));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  page.on("close", () => server.close());
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/lesson`);
}

async function standIn(page: Page): Promise<void> {
  await page.route(/\/\?embed=1/, (route) => route.fulfill({ contentType: "text/html", body: STAND_IN }));
}

const FIGURE = `<kube-viz id="f" height="300" seed="7" label="A pod">
    <script type="application/yaml">
      kind: Pod
      metadata:
        name: 파드
    </script>
    <kube-do run="kubectl get pods">List</kube-do>
    <p>instead</p>
  </kube-viz>`;

async function heard(page: Page): Promise<Message[]> {
  const frame = page.frames().find((candidate) => candidate.url().includes("embed=1"));
  return (await frame?.evaluate(() => (window as unknown as { heard: Message[] }).heard)) ?? [];
}

test.describe("embed.js", () => {
  test("shows the figure once it answers, with everything in its address", async ({ page, baseURL }) => {
    await standIn(page);
    await coursePage(page, baseURL!, FIGURE);
    await expect(page.locator("kube-viz iframe")).toBeVisible();
    await expect(page.getByText("instead")).toBeHidden();

    const url = new URL((await page.locator("kube-viz iframe").getAttribute("src"))!);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      embed: "1", theme: "light", lang: "ko", seed: "7", label: "A pod", origin: new URL(page.url()).origin,
    });
    const state = await page.evaluate(async (packed) => {
      const bytes = Uint8Array.from(atob(packed.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
      return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).json();
    }, url.hash.slice("#s=1.".length));
    expect(state).toEqual({
      v: 1, k: "1.36", seed: 7, m: "kind: Pod\nmetadata:\n  name: 파드\n", a: [], ui: { actions: [{ label: "List", run: "kubectl get pods" }] },
    });
  });

  test("without compression the manifest goes as it is", async ({ page, baseURL }) => {
    await page.addInitScript(() => Reflect.deleteProperty(window, "CompressionStream"));
    await standIn(page);
    await coursePage(page, baseURL!, FIGURE);
    await expect(page.locator("kube-viz iframe")).toBeVisible();
    const url = new URL((await page.locator("kube-viz iframe").getAttribute("src"))!);
    expect(decodeURIComponent(url.hash)).toBe("#y=kind: Pod\nmetadata:\n  name: 파드\n");
  });

  test("a button in the text runs its lines in order and stops at one that fails", async ({ page, baseURL }) => {
    await standIn(page);
    await coursePage(page, baseURL!, `${FIGURE}<p><kube-do for="f" run="one\ntwo">go</kube-do> <kube-do for="f" run="bad\nnever">stop</kube-do>`);
    await page.locator("kube-do[for]").first().click();
    await expect.poll(async () => (await heard(page)).map(({ cmd }) => cmd)).toEqual(["one", "two"]);
    await page.locator("kube-do[for]").last().click();
    await expect.poll(async () => (await heard(page)).map(({ cmd }) => cmd)).toEqual(["one", "two", "bad"]);
    await expect(page.locator("kube-do[for]").last().locator("button")).not.toHaveAttribute("aria-busy");
  });

  test("a value in the text follows the figure", async ({ page, baseURL }) => {
    await standIn(page);
    await coursePage(page, baseURL!, `${FIGURE}<p><kube-value for="f" expr="deploy/web .status.readyReplicas">3</kube-value>`);
    await expect.poll(async () => (await heard(page)).map(({ type, topics }) => ({ type, topics }))).toEqual([
      { type: "subscribe", topics: ["deploy/web .status.readyReplicas"] },
    ]);
    const value = page.locator("kube-value");
    await expect(value).toHaveText("3");
    const frame = page.frames().find((candidate) => candidate.url().includes("embed=1"))!;
    const say = (value: string | null) => frame.evaluate((value) => parent.postMessage({ kubeviz: 1, type: "change", topic: "deploy/web .status.readyReplicas", value }, "*"), value);
    await say("5");
    await expect(value).toHaveText("5");
    await say(null);
    await expect(value).toHaveText("–");
    await value.evaluate((element) => element.remove());
    await expect.poll(async () => (await heard(page)).at(-1)?.topics).toEqual([]);
  });

  test("loads only when it comes near, pauses off screen and goes on when seen again", async ({ page, baseURL }) => {
    await standIn(page);
    await coursePage(page, baseURL!, `<div style="height: 3000px">text</div>${FIGURE}<div style="height: 3000px">text</div>`);
    await expect(page.locator("kube-viz p").first()).toHaveText("instead");
    await expect(page.locator("kube-viz iframe")).toHaveCount(0);
    await page.locator("kube-viz").scrollIntoViewIfNeeded();
    await expect(page.locator("kube-viz iframe")).toBeVisible();

    const frame = page.frames().find((candidate) => candidate.url().includes("embed=1"))!;
    await frame.evaluate(() => parent.postMessage({ kubeviz: 1, type: "state", playing: true }, "*"));
    await page.evaluate(() => scrollTo(0, 0));
    await expect.poll(async () => (await heard(page)).map(({ type }) => type)).toEqual(["pause"]);
    await page.locator("kube-viz").scrollIntoViewIfNeeded();
    await expect.poll(async () => (await heard(page)).map(({ type }) => type)).toEqual(["pause", "play"]);
  });

  test("a figure that never answers leaves the text in place, with a link", async ({ page, baseURL }) => {
    await page.clock.install();
    await page.route(/\/\?embed=1/, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>silent" }));
    await coursePage(page, baseURL!, FIGURE);
    await expect(page.locator("kube-viz iframe")).toHaveCount(1);
    await page.clock.runFor(11_000);
    await expect(page.getByText("instead")).toBeVisible();
    await expect(page.getByRole("link", { name: "별도 페이지에서 열기" })).toBeVisible();
  });

  test("messages of anybody else are not heard", async ({ page, baseURL }) => {
    await standIn(page);
    await coursePage(page, baseURL!, FIGURE);
    await expect(page.locator("kube-viz iframe")).toBeVisible();
    const events = await page.evaluate(async () => {
      let count = 0;
      document.querySelector("kube-viz")!.addEventListener("goal", () => count++);
      window.postMessage({ kubeviz: 1, type: "goal" }, "*");
      await new Promise((done) => setTimeout(done, 100));
      return count;
    });
    expect(events).toBe(0);
  });

  test("a figure that waits for a click loads nothing before it", async ({ page, baseURL }) => {
    await standIn(page);
    await coursePage(page, baseURL!, FIGURE.replace("<kube-viz", '<kube-viz ctl="1"'));
    await page.getByRole("button", { name: "그림 시작" }).click();
    await expect(page.locator("kube-viz iframe")).toBeVisible();
  });
});

test.describe("embed.js", () => {
  test("a poster stands in the figure's place until it answers", async ({ page, baseURL }) => {
    await standIn(page);
    const poster = FIGURE.replace("<kube-viz", '<kube-viz ctl="1" poster="https://example.invalid/p.svg"');
    await page.route("https://example.invalid/p.svg", (route) =>
      route.fulfill({ contentType: "image/svg+xml", body: '<svg xmlns="http://www.w3.org/2000/svg" width="80" height="50"/>' }),
    );
    await coursePage(page, baseURL!, poster);
    const picture = page.getByRole("img", { name: "A pod" });
    await expect(picture).toBeVisible();
    await expect(page.getByText("instead")).toBeHidden();
    await page.getByRole("button", { name: "그림 시작" }).click();
    await expect(page.locator("kube-viz iframe")).toBeVisible();
    await expect(picture).toBeHidden();
  });
});

/** A figure, as a script of the page around it sees it. */
interface Figure extends HTMLElement {
  exec(line: string): Promise<{ stdout: string }>;
  load(what: object): Promise<unknown>;
  pause(): Promise<unknown>;
  step(count: number, grain?: string): Promise<unknown>;
  seek(t: number): Promise<unknown>;
  send(type: string, fields: object): Promise<unknown>;
  state(): Promise<{ state: object; t: number; playing: boolean }>;
}

const pod = (name: string, image = "nginx") =>
  `<script type="application/yaml">\napiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {containers: [{name: c, image: ${image}}]}\n</script>`;

test.describe("a figure and the page around it", () => {
  test("every request is answered, and a state is gone back to", async ({ page, baseURL }) => {
    await coursePage(page, baseURL!, `<kube-viz id="f" seed="7" controls="mini" motion="reduce">${pod("solo")}</kube-viz>`);
    const stage = new Stage(page.frameLocator("kube-viz iframe"));
    await stage.expectReady(1);
    await expect(page.frameLocator("kube-viz iframe").getByTestId("open-alone")).toHaveCount(0);
    await expect(page.frameLocator("kube-viz iframe").getByTestId("play")).toBeVisible();
    const said = await page.evaluate(async () => {
      const figure = document.querySelector<Figure>("#f")!;
      await figure.pause();
      const kept = await figure.state();
      const { stdout } = await figure.exec("kubectl create configmap made --from-literal=a=1");
      await figure.step(3, "hop");
      const refused = await figure.exec("kubectl get pod nobody").catch((error: Error) => error.message);
      const unknown = await figure.send("view", { name: "nothing" }).catch((error: Error) => error.message);
      await figure.load({ state: kept.state });
      const gone = await figure.exec("kubectl get configmap made").catch((error: Error) => error.message);
      return { t: kept.t, playing: kept.playing, stdout, refused, unknown, gone };
    });
    expect(said.t).toBeGreaterThan(2);
    expect(said).toMatchObject({
      playing: false,
      stdout: "configmap/made created\n",
      refused: 'Error from server (NotFound): pods "nobody" not found',
      unknown: "there is no view nothing",
      gone: 'Error from server (NotFound): configmaps "made" not found',
    });
    await stage.expectReady(1);
  });

  test("what happens is told, and how high the figure would like to be", async ({ page, baseURL }) => {
    const replicas = '<script type="application/yaml">\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 24, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: nginx}]}}}\n</script>';
    await coursePage(page, baseURL!, `<script>
      window.told = [];
      for (const type of ["event", "resize", "error"]) addEventListener(type, ({ detail }) => detail && told.push(detail), true);
    </script><kube-viz id="f" height="auto" seed="7" speed="60">${replicas}</kube-viz>`);
    await new Stage(page.frameLocator("kube-viz iframe")).expectReady(24);
    const told = () => page.evaluate(() => (window as unknown as { told: Record<string, unknown>[] }).told);
    await expect.poll(async () => (await told()).some(({ object, msg }) => object === "Deployment default/web" && msg)).toBe(true);
    await expect.poll(async () => (await page.locator("kube-viz").boundingBox())!.height).toBeGreaterThan(500);
    const events = (await told()).filter(({ type }) => type === "event").map(({ seq }) => Number(seq));
    expect(events).toEqual([...events].sort((a, b) => a - b));
  });

  test("a manifest that is refused is an error to the page around it", async ({ page, baseURL }) => {
    await coursePage(page, baseURL!, `<script>
      addEventListener("error", ({ detail }) => detail && (window.wrong = detail), true);
    </script><kube-viz seed="7" controls="none">${pod("solo", "[]")}</kube-viz>`);
    await expect.poll(() => page.evaluate(() => (window as unknown as { wrong?: { code: string } }).wrong?.code)).toBe("apply");
    await expect(page.frameLocator("kube-viz iframe").getByTestId("play")).toHaveCount(0);
  });

  test("its author says which panes it has, and whether the manifest can be changed", async ({ page, baseURL }) => {
    await coursePage(page, baseURL!, `<kube-viz id="open" seed="7" panes="stage,time,yaml" readonly>${pod("read")}</kube-viz>
      <kube-viz id="bare" seed="7" panes="stage">${pod("bare")}</kube-viz>`);
    const open = page.frameLocator("#open iframe");
    await new Stage(open).expectReady(1);
    const text = open.locator(".cm-content");
    await expect(text).toContainText("name: read");
    await expect(text).toHaveAttribute("aria-readonly", "true");
    await expect(open.getByTestId("apply")).toBeHidden();
    await text.press("ControlOrMeta+Home");
    await text.press("x");
    await text.press("ControlOrMeta+Enter");
    await expect(text).not.toContainText("xapiVersion");
    const bare = page.frameLocator("#bare iframe");
    await page.locator("#bare").scrollIntoViewIfNeeded();
    await expect(bare.locator("[data-node]").first()).toBeVisible();
    await expect(bare.getByTestId("play")).toHaveCount(0);
    await expect(bare.getByRole("button", { name: "YAML" })).toHaveCount(0);
  });
});

test.describe("the page inside a course page", () => {
  for (const [address, start] of [["/embed-example.html", "Start the figure"], ["/embed-example.ko.html", "그림 시작"]] as const) {
    test(`${address}: its figures run, and the text drives them`, async ({ page }) => {
      test.setTimeout(150_000);
      await page.goto(address);
      const rollout = new Stage(page.frameLocator("#rollout iframe"));
      await rollout.expectReady(3);
      const old = (await rollout.cards()).map(({ uid }) => uid);
      await page.locator('kube-do[for="rollout"]').click();
      await expect.poll(async () => (await rollout.cards()).some(({ uid }) => old.includes(uid)), { timeout: 45_000 }).toBe(false);
      await rollout.expectReady(3);
      await expect(page.locator("kube-value")).toHaveText(["3", "3"]);

      await page.locator("#pending").scrollIntoViewIfNeeded();
      const pending = new Stage(page.frameLocator("#pending iframe"));
      await expect(pending.pods("wait")).toHaveCount(1);
      await page.locator('kube-do[for="pending"]').click();
      await pending.expectReady(1);
      expect((await pending.cards())[0]?.place).toBe("node-2");

      // Its manifest is a file; its buttons are the page's own.
      await page.locator("#traffic").scrollIntoViewIfNeeded();
      await page.getByRole("button", { name: start }).click();
      const traffic = page.frameLocator("#traffic iframe");
      await expect(traffic.getByTestId("stage")).toBeVisible();
      const ready = "kubectl get deployment web -o jsonpath={.status.readyReplicas}";
      const replicas = () => page.evaluate((line) => document.querySelector<Figure>("#traffic")!.exec(line), ready);
      await expect.poll(async () => (await replicas()).stdout, { timeout: 45_000 }).toBe("2");
      await page.locator("#send").click();
      await page.locator("#break").click();
      await expect(page.locator("#told")).toContainText("web", { timeout: 30_000 });

      // And one is spoken to by bare messages.
      await page.locator("#plain").scrollIntoViewIfNeeded();
      await expect(page.locator("#greeting")).toHaveText("pod/plain .status.phase = Running", { timeout: 30_000 });
      await expectAccessible(page);
    });
  }

  test("a figure on another host than its page works the same", async ({ page, baseURL }) => {
    await coursePage(page, baseURL!, `<kube-viz seed="7"><script type="application/yaml">
      apiVersion: v1
      kind: Pod
      metadata: {name: solo}
      spec: {containers: [{name: c, image: nginx}]}
    </script></kube-viz>`);
    await new Stage(page.frameLocator("kube-viz iframe")).expectReady(1);
  });
});

test("an oEmbed consumer gets the figure of a link", async ({ page, request, baseURL }) => {
  await page.goto("/?lang=en");
  const found = page.locator('link[type="application/json+oembed"]');
  const endpoint = new URL((await found.getAttribute("href"))!, page.url()).href;
  const link = `${baseURL}/?lang=en#y=${encodeURIComponent("kind: Pod")}`;
  const answer = await request.get(endpoint, { params: { url: link, maxwidth: "640", format: "json" } });
  const { type, width, height, html } = (await answer.json()) as { type: string; width: number; height: number; html: string };
  expect({ type, width, height }).toEqual({ type: "rich", width: 640, height: 500 });
  expect(/src="([^"]*)"/.exec(html)![1]!.replaceAll("&amp;", "&")).toBe(`${baseURL}/?lang=en&embed=1#y=kind%3A%20Pod`);
  expect((await request.get(endpoint, { params: { url: "https://example.invalid/" } })).status()).toBe(404);
  expect((await request.get(endpoint, { params: { format: "xml" } })).status()).toBe(501);
});
