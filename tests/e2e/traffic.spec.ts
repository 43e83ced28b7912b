/** Requests, where they go and what becomes of them. */
import { expect, test } from "./fixture";

test("a load is answered while there are endpoints, and lost with a cause when there are none", async ({ app, page }) => {
  await app.open({ speed: 4 });
  await app.run("kubectl create deployment web --image=nginx:1.27 --replicas=3\nkubectl expose deployment web --port=80");
  await app.expectReady(3);
  await page.locator('[data-view="traffic"]').click();
  const service = page.locator('[data-service="web"]');
  await expect(service.locator(".flow").first().locator('[data-open="true"]'), "pods that pass the selector").toHaveCount(3);
  await expect(service.locator(".flow").last().locator('[data-open="true"]'), "endpoints that take connections").toHaveCount(3);

  await service.getByRole("button", { name: "Send 20 requests per second" }).click();
  const load = page.locator("[data-load]");
  await expect(load).toHaveCount(1);
  await expect(load).toContainText(/[1-9]\d* answered/);
  await expect(load).toContainText(" 0 lost");

  await app.run("kubectl scale deployment web --replicas=0");
  await expect(service).toContainText("None: connections are refused.", { timeout: 30_000 });
  await expect(load.locator(".fate").first()).toContainText(/\d+/, { timeout: 30_000 });

  await load.getByRole("button", { name: "Stop" }).click();
  await expect(load).toHaveAttribute("data-on", "false");
  await page.locator('[data-view="cluster"]').click();
  await expect(page.locator("[data-node]")).toHaveCount(3);
});

test("requests are seen on their way to an endpoint, and each can be asked while time stands still", async ({ app, page }) => {
  await app.open({ speed: 1 });
  await app.run("kubectl create deployment web --image=nginx:1.27 --replicas=2\nkubectl expose deployment web --port=80");
  await app.expectReady(2);
  await page.locator('[data-view="traffic"]').click();
  await app.run("load svc/web --rate 10");
  const route = page.locator("[data-load] .route");
  const arriving = page.locator('[data-service="web"] .flow-row .dot');
  await expect(route.locator(".stations")).toContainText("Service web");
  await expect(arriving.first()).toBeVisible();
  // A dot that is drawn moves on.
  const along = () => route.locator(".dot-at").evaluateAll((dots) => dots.map((dot) => (dot as HTMLElement).style.transform));
  const before = await along();
  await expect.poll(along).not.toEqual(before);

  await app.button("play").click();
  const stood = await along();
  // Of those that lie over each other, the uppermost.
  await arriving.last().click();
  await expect(page.getByTestId("request")).toContainText(/Service default\/web → web-\S+: HTTP 200, after/);
  expect(await along(), "while time stands still, nothing moves").toEqual(stood);
  await page.getByTestId("request").getByRole("button", { name: "Close" }).click();
  await expect(page.getByTestId("request")).toHaveCount(0);

  // Without endpoints they end at the Service, and show that.
  await app.run("kubectl scale deployment web --replicas=0");
  await app.button("play").click();
  await expect(route.locator('.dot[data-fate="no-endpoints"]').first()).toBeVisible({ timeout: 40_000 });
});
