import { expect, expectAccessible, test } from "./fixture";

const CRASH = `apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
---
apiVersion: v1
kind: Pod
metadata:
  name: crash
  labels: {app: crash}
spec:
  containers:
  - name: main
    image: busybox
    command: [sh, -c, "echo hello; sleep 3; echo bye; exit 1"]
    envFrom: [{configMapRef: {name: settings}}]
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: crash, tier: front}
  ports: [{port: 80}]
`;

test("a pod's pages say what it waits for, what it printed, who caused its events and what changed", async ({ app, page }) => {
  // The back-off that is looked at takes 10 s of the run: at this speed there is time to stop the clock within it.
  await app.open({ speed: 1 });
  await app.apply(CRASH);
  await expect(app.pods("fail").locator(".pod-ready")).toHaveText(/^\d+s$/, { timeout: 40_000 });
  await app.button("play").click();
  await app.pods().first().click();
  const inspector = page.getByTestId("inspector");

  await page.locator("#tab-summary").click();
  await expect(inspector.getByTestId("due")).toContainText(/Crash back-off\s*\d+s/);
  await expect(inspector.locator("dd .link").first()).toHaveText(/node-\d/);

  await page.locator("#tab-logs").click();
  await expect(inspector.locator('[data-log="main"]').first()).toContainText("hello");

  await page.locator("#tab-events").click();
  await expect(inspector.locator(".object-events h3").first()).toContainText("kubectl create Pod default/crash");
  await expect(inspector.locator(".object-event").first()).toBeVisible();

  await page.locator("#tab-yaml").click();
  await expect(inspector.locator("pre.yaml").first()).toContainText("kind: Pod");
  const from = inspector.locator(".compare select").first();
  const oldest = await from.locator("option").last().getAttribute("value");
  await from.selectOption(oldest ?? "");
  await expect(inspector.getByTestId("changes")).toContainText("spec.nodeName");

  await page.locator("#tab-why").click();
  const endpoints = inspector.locator('.answer[data-by="endpoints"]');
  await expect(endpoints).toContainText("web does not select this pod.");
  await expect(endpoints).toContainText("tier=front is asked for; the pod has no such label");
  await endpoints.getByRole("button", { name: "web" }).click();
  await expect(inspector.getByRole("heading", { name: /web/ }).first()).toBeVisible();
  await expect(page.locator("#tab-logs")).toHaveCount(0);
  await expect(inspector.locator('.answer[data-by="endpoints"] .link').first()).toHaveText("crash");
});

test("an autoscaler says by which arithmetic it scales", async ({ app, page }) => {
  await app.open({ speed: 60 });
  await app.apply(`apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {kubeviz.dev/cpu-use: 90m}}
    spec: {containers: [{name: web, image: "web:1", resources: {requests: {cpu: 100m, memory: 64Mi}}}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
  maxReplicas: 6
`);
  await expect(app.pods()).toHaveCount(6, { timeout: 60_000 });
  await page.locator('[data-view="table"]').click();
  const kinds = page.getByTestId("table").locator("select");
  const scaler = kinds.locator("option", { hasText: "HorizontalPodAutoscaler" });
  await kinds.selectOption((await scaler.getAttribute("value")) ?? "");
  await page.getByTestId("table").getByRole("button", { name: "web", exact: true }).click();
  await page.locator("#tab-why").click();
  await expect(page.locator('.answer[data-by="autoscaler"]')).toContainText(/ceil\(\d+ × \d+% \/ 50%\) = \d+|tolerance/);
});

test("what can be done with an object is listed, and done at the console", async ({ app, page }) => {
  await app.open({ lang: "en", speed: 60 });
  await app.run("kubectl create deployment web --image=nginx:1.26 --replicas=1");
  await app.expectReady(1);
  await page.locator('[data-workload="web"]').first().click();
  await page.keyboard.press("a");
  const list = page.getByRole("list", { name: "Actions" });
  const more = list.getByRole("button", { name: "kubectl scale deployment/web --replicas=2" });
  await expect(more).toBeFocused();
  await expectAccessible(page);
  await page.keyboard.press("Enter");
  await app.expectReady(2);
  await expect(page.getByTestId("console-output")).toContainText("deployment.apps/web scaled");
  // The list goes by what is there now.
  await expect(list.getByRole("button").first()).toHaveText("kubectl scale deployment/web --replicas=3");
  await page.keyboard.press("Escape");
  await expect(list).toHaveCount(0);
  await expect(page.getByTestId("inspector")).toContainText("Deployment");
  await page.locator("[data-select-node]").first().click();
  await page.getByTestId("menu").click();
  await page.getByRole("button", { name: /^kubectl cordon/ }).click();
  await expect(page.getByRole("button", { name: /^kubectl uncordon/ })).toBeVisible();
});

test("a card has its menu under the other button of a mouse, and under Shift and F10", async ({ app, page }) => {
  await app.open({ lang: "en", speed: 60 });
  await app.run("kubectl create deployment web --image=nginx:1.26 --replicas=1");
  await app.expectReady(1);
  const list = page.getByRole("list", { name: "Actions" });
  await app.pods().first().click({ button: "right" });
  await expect(list.getByRole("button", { name: /^kubectl delete pod/ })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(list).toHaveCount(0);
  await page.locator("[data-select-node]").first().focus();
  await page.keyboard.press("Shift+F10");
  await expect(list.getByRole("button", { name: /^kubectl cordon/ })).toBeVisible();
});
