/** The page comes up by itself, says so where it cannot, and stays inside its tab. */
import type { Page } from "@playwright/test";
import { expect, test } from "./fixture";

/** How often something waited for the program's other half until the first picture stood. */
async function waitsForTheRest(page: Page, path: string): Promise<number> {
  await page.addInitScript(() => {
    let host: Record<string, (wanted: number) => void>;
    const counts = { waits: 0 };
    Object.defineProperty(window, "kubeviz", {
      get: () => host,
      set: (value) => {
        const load = value.loadRest;
        value.loadRest = (wanted: number) => {
          if (wanted !== 0 && !document.querySelector("[data-node]")) counts.waits += 1;
          load.call(value, wanted);
        };
        host = value;
      },
    });
    Object.assign(window, { restCounts: counts });
  });
  await page.goto(path);
  await expect(page.locator("[data-node]").first()).toBeVisible();
  return page.evaluate(() => (window as unknown as { restCounts: { waits: number } }).restCounts.waits);
}

test("the page starts and takes the place of its loading text", async ({ page }) => {
  await page.goto("/?lang=en&theme=light");
  await expect(page.locator("#boot-text")).toHaveCount(0);
  await expect(page).toHaveTitle(/kubeviz/);
});

test("the first paint is in the theme and language of the address", async ({ page }) => {
  await page.goto("/?lang=ko&theme=dark");
  await expect(page.locator("html")).toHaveAttribute("lang", "ko");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe("rgb(13, 17, 23)");
});

test("nothing but the page's own host is asked for anything", async ({ page, baseURL }) => {
  const strangers: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(`${baseURL}/`)) strangers.push(request.url());
  });
  await page.goto("/?lang=en");
  await expect(page.locator("#boot-text")).toHaveCount(0);
  await page.waitForLoadState("networkidle");
  expect(strangers).toEqual([]);
});

for (const shape of ["/?lang=en&theme=light", "/?embed=1&seed=7&nodes=4&speed=0.5&label=Pods"]) {
  test(`the first picture needs nothing of the program's other half: ${shape}`, async ({ page }) => {
    // If this fails, the first picture runs functions that web/later.txt names: `./kubeviz record` takes them out.
    expect(await waitsForTheRest(page, shape)).toBe(0);
  });
}

test("the first picture says nothing that is not in memory yet", async ({ page }) => {
  // A constant that went with the other half though the first one reads it would be zeros.
  let arrive = () => {};
  const held = new Promise<void>((resolve) => (arrive = resolve));
  await page.route("**/*_rest.wasm", (route) => held.then(() => route.continue()));
  // The clock stands still: what happens later may ask for the other half, and would wait for it here.
  for (const shape of ["/?lang=en&autoplay=0", "/?lang=ko&theme=dark&autoplay=0", "/?embed=1&autoplay=0"]) {
    await page.goto(shape);
    await expect(page.locator("[data-node]").first()).toBeVisible();
    const said = await page.evaluate(() => {
      const attributes = [...document.querySelectorAll("*")].flatMap((one) => [...one.attributes].map(({ value }) => value));
      return document.documentElement.textContent + attributes.join("");
    });
    expect(said).not.toContain("\u0000");
  }
  arrive();
});

test("who types before the editor is there goes on typing in it", async ({ page }) => {
  let come = () => {};
  const wanted = new Promise<void>((resolve) => (come = resolve));
  await page.route("**/generated/editor.js", async (route) => {
    await wanted;
    await route.continue();
  });
  await page.goto("/?lang=en");
  const plain = page.locator(".editor-plain");
  await plain.pressSequentially("apiVersion: v1\nkind: Nam");
  come();
  await expect(plain).toHaveCount(0);
  await page.keyboard.type("espace");
  await expect(page.locator(".cm-content .cm-line")).toHaveText(["apiVersion: v1", "kind: Namespace"]);
});

test("who reaches for the field while the editor takes its place has the editor", async ({ page }) => {
  await page.addInitScript(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      const [plain, editor] = [".editor-plain", ".cm-editor"].map((one) => document.querySelector<HTMLElement>(one));
      if (editor) plain?.focus();
      if (plain && document.activeElement === plain) document.documentElement.dataset.reached = "";
      // After every task, as long as there is a field or none yet.
      if (plain || !editor) port2.postMessage(0);
    };
    port2.postMessage(0);
  });
  // On a slow machine the page is drawn well after the editor is there.
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: 6 });
  await page.goto("/?lang=en");
  await expect(page.locator(".cm-editor")).toBeVisible();
  await expect(page.locator(".editor-plain")).toHaveCount(0);
  const [reached, has] = await page.evaluate(() => [
    document.documentElement.dataset.reached !== undefined,
    document.activeElement?.className.includes("cm-content"),
  ]);
  expect(has).toBe(reached);
});

test("a function of the other half that is called before it is there fetches it", async ({ page }) => {
  const manifest = "apiVersion: v1\nkind: Namespace\nmetadata: {name: early}\n";
  await page.route("**/*_rest.wasm", async (route) => {
    // The fetch that nobody waits for comes too late.
    if (route.request().resourceType() === "fetch") return;
    await route.continue();
  });
  await page.goto("/?lang=en");
  await expect(page.locator("[data-node]").first()).toBeVisible();
  const editor = page.getByRole("textbox", { name: /manifest/i }).first();
  await editor.fill(manifest);
  await page.keyboard.press("Control+Enter");
  await expect(page.locator("body")).toContainText("namespace/early created");
});

test.describe("where the application cannot be loaded", () => {
  test("the page says so and keeps saying what it is", async ({ browser, baseURL }) => {
    const page = await browser.newPage({ baseURL });
    await page.route("**/*.wasm", (route) => route.abort());
    await page.goto("/?lang=en");
    await expect(page.getByRole("alert")).toContainText("could not start");
    await expect(page.getByRole("heading", { name: "kubeviz" })).toBeVisible();
    await page.close();
  });

  test("without JavaScript the page says what it needs", async ({ browser, baseURL }) => {
    const page = await browser.newPage({ baseURL, javaScriptEnabled: false });
    await page.goto("/");
    await expect(page.locator("noscript p").first()).toHaveText(/needs JavaScript and WebAssembly/);
    await page.close();
  });
});
