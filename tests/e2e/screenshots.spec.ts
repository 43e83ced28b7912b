/** Pictures of every view for a person to look at, in target/screenshots/. They are not compared with anything. */
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { expect, fixture, test } from "./fixture";

const FOLDER = join(__dirname, "../../target/screenshots");
const VIEWS = ["rollout", "xray", "traffic", "timeline", "tree", "table"];
const SIZES = [
  { name: "desktop", width: 1440, height: 900, embed: false },
  { name: "small", width: 800, height: 500, embed: false },
  { name: "phone", width: 360, height: 740, embed: false },
  { name: "embed", width: 800, height: 500, embed: true },
  { name: "embed-phone", width: 360, height: 500, embed: true },
];

/** Takes a picture. Nothing may stick out at the side: the drawers stand beside the page, so each part is asked for itself. */
async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(FOLDER, `${name}.png`) });
  const wide = await page.evaluate(() =>
    [...document.querySelectorAll("header.head, .middle, .bottom, .figure, .time")]
      .filter((part) => part.scrollWidth > part.clientWidth)
      .map((part) => `${part.className}: ${part.scrollWidth} in ${part.clientWidth}`),
  );
  expect(wide, name).toEqual([]);
}

for (const { name, width, height, embed } of SIZES) {
  for (const theme of ["light", "dark"] as const) {
    for (const lang of ["en", "ko"] as const) {
      test(`${name} ${theme} ${lang}`, async ({ app, page }) => {
        const take = (what: string) => picture(page, [name, what, theme, lang].join("-"));
        await page.setViewportSize({ width, height });
        await page.emulateMedia({ reducedMotion: "reduce" });
        await app.open({ theme, lang, speed: 60, ...(embed ? { embed: 1 } : {}) }, fixture("views.yaml"));
        await expect(app.pods("ready")).toHaveCount(6, { timeout: 30_000 });
        await app.button("play").click();
        await take("cluster");
        if (embed) return;
        for (const view of VIEWS) {
          await page.locator(`[data-view="${view}"]`).click();
          await expect(page.getByTestId(view)).toBeVisible();
          await take(view);
        }
        await page.locator('[data-view="cluster"]').click();
        await app.element.locator('[data-pod="greedy"]').click();
        await page.locator("#tab-why").click();
        await expect(page.locator(".cells")).toBeVisible();
        await take("why");
      });
    }
  }
}

test("the course page", async ({ page }) => {
  await page.goto("/embed-example.html");
  await page.frameLocator("#rollout iframe").getByTestId("stage").waitFor();
  await page.screenshot({ path: join(FOLDER, "course.png"), fullPage: true });
});
