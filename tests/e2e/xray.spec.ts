/** The control plane from inside: who wrote what because of what, and what happens without one of them. */
import { expect, test } from "./fixture";

test("a pod's last write goes back to the command, and every hop shows what it changed", async ({ app, page }) => {
  await app.open({ lang: "en", speed: 60 });
  await app.run("kubectl create deployment web --image=nginx:1.26");
  await app.expectReady(1);
  await app.pods().first().click();
  await page.locator('[data-view="xray"]').click();
  const hops = page.locator(".xray-hop");
  await expect(hops.nth(0)).toContainText("kubectl → create Deployment");
  await expect(hops.nth(1)).toContainText("deployment-controller → create ReplicaSet");
  await expect(hops.nth(2)).toContainText("replicaset-controller → create Pod");
  await expect(hops.nth(3)).toContainText("default-scheduler → create binding");
  await hops.nth(3).locator("summary").click();
  await expect(hops.nth(3)).toContainText("spec.nodeName");
  await page.getByTestId("play").click();
  // A moment of the chain can be gone to: there, what came later has not happened.
  await hops.nth(2).locator("p.of .link").click();
  await expect(hops.last()).toContainText("replicaset-controller → create Pod");
});

test("without the scheduler a pod is stored and stays Pending, and runs once the scheduler is back", async ({ app, page }) => {
  await app.open({ lang: "en", speed: 60 });
  await page.locator('[data-view="xray"]').click();
  const scheduler = page.locator('[data-component="default-scheduler"]');
  await scheduler.getByRole("button").click();
  await expect(scheduler).toHaveAttribute("data-stopped", "true");
  await app.run("kubectl run web --image=nginx:1.26");
  await expect(page.locator(".xray-hop").last()).toContainText("kubectl → create Pod");
  await expect(page.locator(".counts > :nth-child(2)")).toContainText("0/1 ");
  await scheduler.getByRole("button").click();
  await app.expectAllReady(1);
});

test("what a component is told and what it writes is seen on its way, over the API server only", async ({ app, page }) => {
  await app.open({ lang: "en", speed: 10 });
  await page.locator('[data-view="xray"]').click();
  await page.evaluate(() => {
    const seen: string[] = [];
    (window as unknown as { seen: string[] }).seen = seen;
    new MutationObserver((changes) => {
      for (const { addedNodes } of changes) addedNodes.forEach((node) => seen.push(`${(node as Element).firstElementChild?.className}: ${node.textContent}`));
    }).observe(document.getElementById("flight")!, { childList: true });
  });
  const seen = () => page.evaluate(() => (window as unknown as { seen: string[] }).seen);
  await app.run("kubectl create deployment web --image=nginx:1.26 --replicas=3");
  await expect.poll(seen).toContain("token: create Pod ×3");
  const all = await seen();
  expect(all.slice(0, 3)).toEqual(["token: create Deployment", "token told: Deployment", "token: create ReplicaSet"]);
  expect(all[all.indexOf("token: create Pod ×3") - 1]).toBe("token told: ReplicaSet");
  await app.expectAllReady(3);
  await expect(page.locator("#flight > *"), "none stays").toHaveCount(0);
});
