/** Links: a run is played again from one, up to where its maker looked. */
import { deflateRawSync } from "node:zlib";
import type { Page } from "@playwright/test";
import { App, expect, expectAccessible, fixture, test } from "./fixture";

const MANIFEST = fixture("myapp-deploy.yaml");

const linkOf = async (page: Page): Promise<string> => {
  await page.getByTestId("share").click();
  const link = await page.getByRole("dialog").getByRole("textbox", { name: "Link" }).inputValue();
  return link;
};

const packed = (state: object): string => `s=1.${deflateRawSync(JSON.stringify(state)).toString("base64url")}`;

test("a link leads to the same pods, moment and selection", async ({ app, page, context }) => {
  await app.open({ speed: 60 });
  await app.apply(MANIFEST);
  await app.expectReady(3);
  await app.run("kubectl scale deployment myapp-deploy --replicas=5\nload http://nowhere --rate 1");
  await app.expectReady(5);
  await app.button("play").click();
  await page.getByTestId("filter-switch").click();
  await page.getByTestId("filter").fill("node-1");
  await page.locator('[data-workload="myapp-deploy"]').first().click();
  const clock = await app.clock.innerText();
  const cards = await app.cards();
  const link = await linkOf(page);
  await expectAccessible(page);
  await expect(page.getByTestId("share-length")).toContainText(String(link.length));
  await expect(page.getByRole("img", { name: "QR code" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);

  const other = new App(await context.newPage());
  await other.page.goto(link);
  await expect(other.clock).toHaveText(clock, { timeout: 30_000 });
  expect(await other.cards()).toEqual(cards);
  await expect(other.page.getByTestId("play")).toHaveAccessibleName("Play");
  await expect(other.page.getByTestId("inspector")).toContainText("myapp-deploy");
  await expect(other.page.getByTestId("filter")).toHaveValue("node-1");
  await expect(other.page.getByTestId("console-output")).toContainText("kubectl scale deployment myapp-deploy --replicas=5");
  await expect(other.editorText).toContainText("myapp-deploy");
  // It is the run itself, not a picture of it.
  await other.run("kubectl scale deployment myapp-deploy --replicas=2");
  await other.button("play").click();
  await other.expectReady(2);
});

test("a link to the past has the future and the view, too", async ({ app, page, context }) => {
  await app.open({ speed: 60 });
  await app.apply(MANIFEST);
  await app.expectReady(3);
  await app.button("play").click();
  const end = await app.clock.innerText();
  for (let step = 0; step < 5; step++) await app.button("step-back").click();
  const [clock, cards] = [await app.clock.innerText(), await app.cards()];
  await page.locator('[data-view="timeline"]').click();
  const other = new App(await context.newPage());
  await other.page.goto(await linkOf(page));
  await expect(other.clock).toHaveText(clock, { timeout: 30_000 });
  await expect(other.page.locator('[data-view="timeline"]')).toHaveAttribute("aria-pressed", "true");
  await other.page.locator('[data-view="cluster"]').click();
  expect(await other.cards()).toEqual(cards);
  await other.scrubber.press("End");
  await expect(other.clock).toHaveText(end);
  await other.expectReady(3);
});

test("a link to the start plays what was done", async ({ app, page, context }) => {
  await app.open({ speed: 60 });
  await app.apply(MANIFEST);
  await app.expectReady(3);
  await page.getByTestId("share").click();
  await page.getByTestId("share-whole").uncheck();
  const link = await page.getByRole("dialog").getByRole("textbox", { name: "Link" }).inputValue();
  const other = new App(await context.newPage());
  await other.page.goto(link);
  await other.expectReady(3);
  expect((await other.cards()).map(({ uid }) => uid)).toEqual((await app.cards()).map(({ uid }) => uid));
  await expect(other.page.getByTestId("play")).toHaveAccessibleName("Pause");
});

test("a course's author writes lines and seconds, and a figure opens as a page where it stands", async ({ app, page, context }) => {
  const state = packed({ v: 1, seed: 3, m: MANIFEST, a: [[1, "kubectl apply -f -"], [30, "kubectl scale deploy/myapp-deploy --replicas=4"]], t: 60, ui: { sel: "deploy/myapp-deploy" } });
  await page.goto(`/?embed=1&lang=en#${state}`);
  await expect(app.clock).toContainText("01:00", { timeout: 30_000 });
  await expect(page.locator(".sheet").first()).toContainText("myapp-deploy");
  await app.expectReady(4);
  const [opened] = await Promise.all([context.waitForEvent("page"), page.getByTestId("open-alone").click()]);
  const other = new App(opened);
  await expect(other.clock).toContainText("01:00", { timeout: 30_000 });
  await other.expectReady(4);
  expect((await other.cards()).map(({ uid }) => uid)).toEqual((await app.cards()).map(({ uid }) => uid));
});

test("a link of a newer page, or a broken one, says so", async ({ app, page }) => {
  await page.goto(`/?lang=en#${packed({ v: 99, m: "" })}`);
  await expect(page.locator("body")).toContainText("it is of version 99");
  await page.goto(`/?lang=en#s=1.%%%`);
  await expect(page.locator("body")).toContainText("not base64url");
  await app.run("kubectl create deployment web --image=nginx");
  await app.expectReady(1);
});
