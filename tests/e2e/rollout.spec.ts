/** The Rollout view: revisions side by side, the next move, the chart, and the way back. */
import { expect, fixture, test } from "./fixture";

const MANIFEST = fixture("myapp-deploy.yaml").replace("minReadySeconds: 20", "minReadySeconds: 2");

test("a rollout is seen from both revisions, and rolled back from a card", async ({ app, page }) => {
  await app.open({ speed: 60 }, MANIFEST);
  await app.expectReady(3);
  await page.locator('[data-view="rollout"]').click();
  const view = page.getByTestId("rollout");
  await expect(view.locator("h2")).toContainText("myapp-deploy");
  await expect(view.locator(".revision")).toHaveCount(1);
  await expect(page.getByTestId("rollout-next")).toContainText("Complete");

  // Step by step: both revisions side by side, with the arithmetic of the next move.
  await app.button("play").click();
  await app.run("kubectl set image deployment/myapp-deploy '*=ghcr.io/example/myweb:v2.0'");
  const next = page.getByTestId("rollout-next");
  await expect(async () => {
    await app.button("step-forward").click();
    await expect(view.locator(".revision")).toHaveCount(2, { timeout: 50 });
    await expect(next).toContainText("there were 4", { timeout: 50 });
  }).toPass({ intervals: [0], timeout: 30_000 });
  await expect(view.locator('.revision[data-current="true"] .added')).toContainText("v2.0");
  expect(await view.locator('.pod:not([data-status="gone"])').count()).toBeLessThanOrEqual(4);

  await app.button("play").click();
  await expect(next).toContainText("Complete", { timeout: 30_000 });
  await expect(view.locator(".revision")).toHaveCount(1, { timeout: 30_000 });
  await expect(view.locator(".plot-available")).toHaveAttribute("d", /H\d+V/);
  await view.locator(".revisions-empty summary").click();
  await view.getByRole("button", { name: "Roll back to this" }).click();
  await expect(view.locator('.revision[data-current="true"]')).toHaveAttribute("data-revision", "3");
  await expect(next).toContainText("Complete", { timeout: 30_000 });
  await expect(view.locator('.revision[data-current="true"] code').first()).toContainText("v1.0");
});

test("the downtime of Recreate is counted", async ({ app, page }) => {
  const recreate = MANIFEST.replace(/ {2}strategy:[\s\S]*?\n(?= {2}\S)/, "  strategy: {type: Recreate}\n");
  await app.open({ speed: 60 }, recreate);
  await app.expectReady(3);
  await app.run("kubectl set image deployment/myapp-deploy '*=ghcr.io/example/myweb:v2.0'");
  await page.locator('[data-view="rollout"]').click();
  await expect(page.getByTestId("rollout-next")).toContainText("Complete", { timeout: 30_000 });
  await expect(page.getByTestId("rollout-next")).toContainText("No pod available for");
});

test("two futures of one rollout are compared, and the one that was left is taken up again", async ({ app, page }) => {
  await app.open({ speed: 60 }, MANIFEST);
  await app.expectReady(3);
  await page.locator('[data-view="rollout"]').click();
  const view = page.getByTestId("rollout");
  const next = page.getByTestId("rollout-next");
  const roll = async () => {
    await app.run("kubectl set image deployment/myapp-deploy '*=ghcr.io/example/myweb:v2.0'");
    if ((await app.button("play").getAttribute("aria-label")) === "Play") await app.button("play").click();
    await expect(view.locator('.revision[data-current="true"] code').first()).toContainText("v2.0");
    await expect(next).toContainText("Complete", { timeout: 30_000 });
  };
  await roll();
  await expect(page.getByTestId("rollout-runs")).toHaveCount(0);

  // Back to before it, and the same with another strategy.
  await page.getByTestId("add").click();
  await page.getByTestId("undo").click();
  await app.run(`kubectl patch deployment myapp-deploy -p '{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null}}}'`);
  await expect(page.getByText("kept as Run A")).toBeVisible();
  await roll();
  const runs = page.getByTestId("rollout-runs");
  await runs.locator("select").selectOption("Run A");
  const row = (name: string) => runs.getByRole("row", { name }).getByRole("cell");
  await expect(row("Fewest available")).toHaveText(["0", /^[23]$/]);
  await expect(row("Most pods at once")).toHaveText(["3", /^[34]$/]);
  await expect(row("None available")).toHaveText([/^[1-9][\d.]*s$/, "0s"]);
  await expect(row("Time until complete")).toHaveText([/^[\d.]+s$/, /^[\d.]+s$/]);
  await expect(view.locator("path.other")).toHaveCount(2);

  await page.getByTestId("runs").selectOption({ label: await page.getByTestId("runs").locator("option").first().innerText() });
  await expect(view.locator(".rollout-fields")).toContainText("RollingUpdate");
  await expect(runs.locator("option")).toHaveText(["nothing", "Run B"]);
  await expect(app.button("play")).toHaveAttribute("aria-label", "Play");
});

test("the bounds are worked out, what is waited for is named, and a StatefulSet tells its last step", async ({ app, page }) => {
  const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: "nginx:1.27"}]}}
`;
  const set = deployment.replace("Deployment", "StatefulSet").replaceAll("web", "db").replace("replicas", "serviceName: db\n  replicas");
  await app.open({ speed: 60 }, `${deployment}---\n${set}`);
  await app.expectReady(6);
  await app.button("play").click();
  const view = (name: string) => page.locator(`[data-view="${name}"]`).click();
  const rollout = page.getByTestId("rollout");
  await view("rollout");
  await expect(rollout.locator(".rollout-fields")).toContainText("maxSurge 25% = ⌈0.75⌉ = 1");
  await expect(rollout.locator(".rollout-fields")).toContainText("maxUnavailable 25% = ⌊0.75⌋ = 0");
  await expect(rollout).not.toContainText("progressDeadlineSeconds");
  // Back and forth while the clock stands still.
  await view("cluster");
  await expect(page.locator("[data-node]")).toHaveCount(3);
  await view("rollout");
  await expect(rollout).toBeVisible();

  await app.run("kubectl set image deployment/web web=nginx:1.28");
  for (let step = 0; step < 20 && !(await page.getByTestId("rollout-next").innerText()).includes("Waits for web-"); step++) {
    await app.button("step-forward").click();
  }
  await expect(page.getByTestId("rollout-next")).toContainText(/Waits for web-\S+ \(0\/1 \S+/);
  await expect(rollout.locator(".rollout-deadline")).toContainText("progressDeadlineSeconds");

  await view("cluster");
  await page.locator(".workload-name", { hasText: "db" }).click();
  await view("rollout");
  await expect(page.getByTestId("rollout-next")).toContainText("Pods of an older template: 0; wanted: 3");
});
