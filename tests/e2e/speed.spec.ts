/** How long the page is blocked. Printed for the record; a shared machine's wall clock decides nothing here. */
import { expect, fixture, test } from "./fixture";

const THOUSAND = fixture("myapp-deploy.yaml").replace("replicas: 3", "replicas: 1000");

test("1,000 pods start on 100 nodes", async ({ app, page }) => {
  test.setTimeout(180_000);
  await app.open({ speed: 1, nodes: 100 });
  await expect(app.element.locator("[data-node]")).toHaveCount(100);
  await page.evaluate(() => {
    const long: number[] = [];
    new PerformanceObserver((list) => long.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask" });
    (window as unknown as { long: number[] }).long = long;
  });
  await app.paste(THOUSAND);
  const start = Date.now();
  await app.button("apply").click();
  await app.expectAllReady(1_000, 150_000);
  const long = await page.evaluate(() => (window as unknown as { long: number[] }).long);
  console.log(`1,000 pods on 100 nodes: ready after ${Date.now() - start} ms; blocks over 50 ms: ${long.length}, longest ${Math.max(0, ...long)} ms`);
});

test("an applied Deployment is on screen at once", async ({ app, page }) => {
  await app.open({ speed: 4 });
  await app.paste(fixture("myapp-deploy.yaml"));
  const ms = await page.evaluate(
    () =>
      new Promise<number>((done) => {
        const stage = document.querySelector('[data-testid="stage"]')!;
        const start = performance.now();
        new MutationObserver((_, observer) => {
          if (!stage.querySelector("[data-pod]")) return;
          observer.disconnect();
          requestAnimationFrame(() => done(performance.now() - start));
        }).observe(stage, { childList: true, subtree: true });
        document.querySelector<HTMLElement>('[data-testid="apply"]')!.click();
      }),
  );
  console.log(`from Apply to the first pod on screen: ${ms.toFixed(0)} ms`);
});
