/** The page comes up by itself, says so where it cannot, and stays inside its tab. */
import { expect, test } from "./fixture";

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
