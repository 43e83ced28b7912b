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

    test(`traffic and cells: ${theme}, ${lang}`, async ({ app, page }) => {
      // axe looks at every cell's node and every line of the story.
      test.slow();
      await app.open({ theme, lang, speed: 60, nodes: 60 }, MANIFEST.replace("replicas: 3", "replicas: 405"));
      await app.expectAllReady(405);
      await expect(app.element).toHaveAttribute("data-density", "cell");
      await expectAccessible(page);
      await app.run("kubectl expose deployment myapp-deploy --port=80\nload svc/myapp-deploy --rate 10");
      await page.locator('[data-view="traffic"]').click();
      await expect(page.locator("[data-load]")).toBeVisible();
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
