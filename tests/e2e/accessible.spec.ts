/** No serious accessibility violation, with something on the stage, in both themes and languages. */
import { expect, expectAccessible, fixture, test } from "./fixture";

const MANIFEST = fixture("myapp-deploy.yaml");

for (const theme of ["light", "dark"] as const) {
  for (const lang of ["en", "ko"] as const) {
    test(`the page: ${theme}, ${lang}`, async ({ app, page }) => {
      await app.open({ theme, lang, speed: 60 }, MANIFEST);
      await app.expectReady(3);
      await app.pods().first().click();
      await expect(page.getByTestId("inspector")).toBeVisible();
      await expectAccessible(page);
    });

    test(`cells: ${theme}, ${lang}`, async ({ app, page }) => {
      // axe looks at every cell's node and every line of the story.
      test.slow();
      await app.open({ theme, lang, speed: 60, nodes: 60 }, MANIFEST.replace("replicas: 3", "replicas: 405"));
      await app.expectAllReady(405);
      await expect(app.element).toHaveAttribute("data-density", "cell");
      await expectAccessible(page);
    });

    test(`every view: ${theme}, ${lang}`, async ({ app, page }) => {
      test.slow();
      await app.open({ theme, lang, speed: 60 }, MANIFEST);
      await app.expectReady(3);
      await app.run("kubectl expose deployment myapp-deploy --port=80\nload svc/myapp-deploy --rate 10\nkubectl run stuck --image=nginx:bad");
      for (const view of ["rollout", "xray", "traffic", "timeline", "tree", "table"]) {
        await page.locator(`[data-view="${view}"]`).click();
        await expect(page.getByTestId(view)).toBeVisible();
        await expectAccessible(page);
      }
    });

    test(`why and a question: ${theme}, ${lang}`, async ({ app, page }) => {
      await app.open({ theme, lang, speed: 60 });
      await page.getByTestId("predict-switch").click();
      await app.run("kubectl taint nodes node-1 gpu=true:NoSchedule\nkubectl run web --image=nginx:1.26");
      await expect(page.getByTestId("predict")).toContainText("web");
      await expectAccessible(page);
      await app.element.locator('[data-select-node="node-1"]').click();
      await app.expectReady(1);
      await app.pods("ready").first().click();
      await page.locator("#tab-why").click();
      await expect(page.locator(".cells")).toBeVisible();
      await expectAccessible(page);
    });

    test(`the inspector's pages: ${theme}, ${lang}`, async ({ app, page }) => {
      await app.open({ theme, lang, speed: 60 }, MANIFEST);
      await app.expectReady(3);
      await app.run("kubectl expose deployment myapp-deploy --port=80");
      await app.pods("ready").first().click();
      for (const tab of ["summary", "why", "yaml", "events", "logs"]) {
        await page.locator(`#tab-${tab}`).click();
        await expect(page.locator(`#tab-${tab}`)).toHaveAttribute("aria-selected", "true");
        await expectAccessible(page);
      }
    });

    test(`the palette: ${theme}, ${lang}`, async ({ app, page }) => {
      await app.open({ theme, lang, speed: 60 }, MANIFEST);
      await app.expectReady(3);
      await page.getByTestId("add").click();
      await expect(page.getByTestId("palette")).toBeVisible();
      await expectAccessible(page);
    });

    test(`a figure: ${theme}, ${lang}`, async ({ app, page }) => {
      await page.setViewportSize({ width: 800, height: 500 });
      await app.open({ theme, lang, speed: 60, embed: 1 }, MANIFEST);
      await app.expectReady(3);
      await expectAccessible(page);
    });
  }
}

test("theme and language change in place", async ({ app, page }) => {
  await app.open({ theme: "light", lang: "en" });
  await app.button("theme").click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await app.button("lang").click();
  await expect(page.locator("html")).toHaveAttribute("lang", "ko");
});
