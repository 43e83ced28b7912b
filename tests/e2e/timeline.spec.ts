import { expect, test } from "./fixture";

const MANIFEST = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1", resources: {requests: {cpu: 200m, memory: 64Mi}}}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 6
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: other}
spec:
  selector: {matchLabels: {app: other}}
  template:
    metadata: {labels: {app: other}}
    spec: {containers: [{name: other, image: "other:1"}]}
`;

test("figures are drawn with their rules: of what is selected, and of another run beside them", async ({ app, page }) => {
  await app.open({ speed: 60 }, MANIFEST);
  await app.expectReady(2);
  await page.locator('[data-view="timeline"]').click();
  const graphs = page.getByTestId("timeline-graphs");
  const graph = (id: string) => graphs.locator(`[data-graph="${id}"]`);
  const drawn = async (id: string, line: string) => (await graph(id).locator(`.${line}`).first().getAttribute("d")) ?? "";

  await expect(graph("Deployment/web").locator(".graph-now")).toHaveText("1 / 1");
  await expect(graph("nodes cpu").locator(".graph-now")).toHaveText("cpu 0.2 / 12");
  await expect(graph("nodes memory").locator(".graph-now")).toHaveText("memory 64Mi / 24Gi");
  // Undoing goes back to before the load: the autoscaler has to have measured by then, or its figure is not there to compare.
  const cpu = "HorizontalPodAutoscaler/web cpu";
  await expect(graph(cpu)).toHaveCount(1, { timeout: 30_000 });
  await app.run("load svc/web --rate 200");
  await expect(graph(cpu).getByRole("img")).toHaveAccessibleName(/target 50%; nothing changes from 45% to 55%/, { timeout: 30_000 });
  await expect(graph("Deployment/web").locator(".graph-now")).toHaveText(/\/ [2-6]$/, { timeout: 30_000 });
  expect(await drawn(cpu, "plot-wanted")).toMatch(/^M\d+ \d+H\d+/);
  expect(await drawn(cpu, "plot-rule")).toMatch(/^M\d+ \d+H\d+/);

  // What is under the glass, with what sees to it, and what all share.
  await graph("Deployment/web").getByRole("button").click();
  await expect(graph("Deployment/other")).toHaveCount(0);
  await expect(graphs.locator("[data-graph]")).toHaveCount(4);
  await page.keyboard.press("Escape");
  await expect(graph("Deployment/other")).toHaveCount(1);

  // Another future beside this one.
  await expect(graphs.getByRole("combobox")).toHaveCount(0);
  await page.getByTestId("add").click();
  await page.getByTestId("undo").click();
  await app.run("kubectl scale deployment other --replicas=3");
  await expect(page.getByText("kept as Run A")).toBeVisible();
  await graphs.getByRole("combobox").selectOption({ label: "Run A" });
  await expect(graphs.locator(".plot-other")).toHaveCount(5);
  expect(await drawn(cpu, "plot-other")).toMatch(/^M\d+ \d+H\d+/);
});
