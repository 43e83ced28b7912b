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

const COLOURS = ["blue", "green"].map((colour) => `apiVersion: apps/v1
kind: Deployment
metadata: {name: shop-${colour}}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop, colour: ${colour}}}
  template:
    metadata: {labels: {app: shop, colour: ${colour}}}
    spec: {containers: [{name: web, image: nginx${colour === "green" ? ", lifecycle: {preStop: {sleep: {seconds: 5}}}" : ""}}]}
---
`).join("") + `apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop, colour: blue}, ports: [{port: 80}]}
`;

test("a Service is switched from one workload to another, and the end of each pod is a race that a hook wins", async ({ app, page }) => {
  await app.open({ speed: 4 }, COLOURS);
  await app.expectReady(4);
  await page.locator('[data-view="traffic"]').click();
  await app.run("load svc/shop --rate 100");
  const member = (name: string) => page.getByTestId("members").locator(".member", { hasText: name });
  await expect(member("shop-blue")).toContainText("100 % of the endpoints");
  await expect(member("shop-blue")).toContainText("100 % of the requests");
  await expect(member("shop-blue").getByRole("button")).toHaveCount(0);

  const pod = (colour: string) => page.locator(".flow .flow-name", { hasText: `shop-${colour}-` }).first().innerText();
  const kill = async (colour: string) => app.run(`kubectl delete pod ${await pod(colour)} --wait=false`);
  await kill("blue");
  const race = page.getByTestId("races").locator(".race").last();
  await expect(race).toContainText("before every node knows");
  await expect(race).toHaveAttribute("data-gap", "true");
  await expect(race).toContainText("SIGTERM: takes no connections");

  await member("shop-green").getByRole("button", { name: "Send traffic here" }).click();
  await expect(member("shop-green")).toHaveAttribute("data-open", "true");
  await expect(member("shop-blue")).toHaveAttribute("data-open", "false");
  await kill("green");
  await expect(race).toHaveAttribute("data-gap", "false", { timeout: 20_000 });
  await expect(race).toContainText("preStop is over", { timeout: 20_000 });
  await expect(race).toContainText("Every node knows before it closes.");
});
