/** How long the page is blocked. Printed for the record; a shared machine's wall clock decides nothing here. */
import { blocks, ownThread } from "../../web/tasks.mjs";
import { expect, fixture, test } from "./fixture";

const THOUSAND = fixture("myapp-deploy.yaml").replace("replicas: 3", "replicas: 1000");

test("1,000 pods start on 100 nodes", async ({ app, page }) => {
  test.setTimeout(180_000);
  await app.open({ speed: 1, nodes: 100 });
  await expect(app.element.locator("[data-node]")).toHaveCount(100);
  const browser = page.context().browser()!;
  await app.paste(THOUSAND);
  await browser.startTracing(page, { categories: ["toplevel"] });
  const start = Date.now();
  await app.button("apply").click();
  await app.expectAllReady(1_000, 150_000);
  const took = Date.now() - start;
  console.log(`1,000 pods on 100 nodes: ready after ${took} ms; ${blocks(ownThread(await browser.stopTracing()))}`);
});

test("an applied Deployment is on screen at once", async ({ app, page }) => {
  await app.open({ speed: 4 });
  await app.paste(fixture("myapp-deploy.yaml"));
  // No hand is faster from the paste to the button.
  await page.waitForTimeout(1_000);
  const ms = await page.evaluate(
    () =>
      new Promise<number>((done) => {
        const stage = document.querySelector('[data-testid="stage"]')!;
        const start = performance.now();
        new MutationObserver((_, observer) => {
          const pod = stage.querySelector("[data-pod]");
          if (!pod) return;
          observer.disconnect();
          // Called in the very frame that shows it, once it is laid out; an animation frame would be the one after it.
          new ResizeObserver((_, sizes) => {
            sizes.disconnect();
            done(performance.now() - start);
          }).observe(pod);
        }).observe(stage, { childList: true, subtree: true });
        document.querySelector<HTMLElement>('[data-testid="apply"]')!.click();
      }),
  );
  console.log(`from Apply to the first pod on screen: ${ms.toFixed(0)} ms`);
});
