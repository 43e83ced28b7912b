/** Once it has been open with a network, the page opens without one. */
import { expect, test } from "./fixture";

test.use({ serviceWorkers: "allow" });

test("without a network the page opens again, whole", async ({ app, page, context }) => {
  await app.open({ speed: 60 });
  await page.evaluate(async () => {
    const { active, installing, waiting } = await navigator.serviceWorker.ready;
    const worker = active ?? waiting ?? installing;
    if (worker?.state !== "activated") await new Promise<void>((done) => worker?.addEventListener("statechange", () => worker.state === "activated" && done()));
  });
  // What the page fetches behind its first picture has come, too: the worker serves the next visit, not this one.
  await page.waitForLoadState("networkidle");
  await context.setOffline(true);
  await app.open({ speed: 60, lang: "ko" });
  // The other half of the program, and the editor.
  await app.apply("kind: Pod\napiVersion: v1\nmetadata: {name: a}\nspec: {containers: [{name: a, image: nginx}]}\n");
  await app.expectReady(1);
  await context.setOffline(false);
  await app.open({ speed: 60 });
  await expect(app.element).toBeVisible();
});
