/** Why a pod is where it is: the record of the decision, the fixes that were tried, and guessing before it is made. */
import { expect, test } from "./fixture";

const NEEDS_GPU = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: train   # one of many
spec:
  replicas: 1
  selector: {matchLabels: {app: train}}
  template:
    metadata: {labels: {app: train}}
    spec:
      containers:
      - name: main
        image: train:1
        resources:
          requests:
            cpu: 500m   # enough
`;

test("a pod that fits nowhere says why, and a fix that is inserted and applied lets it run", async ({ app, page }) => {
  await app.open({ speed: 60 });
  for (const node of [1, 2, 3]) await app.run(`kubectl taint nodes node-${node} gpu=true:NoSchedule`);
  await app.apply(NEEDS_GPU);
  const pod = app.element.locator('[data-testid="pending-lane"] [data-pod]');
  await pod.click();
  const inspector = page.getByTestId("inspector");
  await expect(inspector.getByRole("tab", { name: "Why" })).toHaveAttribute("aria-selected", "true");
  await expect(inspector.locator(".sentence")).toHaveText("None of the 3 nodes can take this pod.");
  await expect(inspector.locator(".funnel li")).toHaveText([/Nodes\s*3/, /TaintToleration\s*0\s*−3/]);
  await expect(inspector.locator(".cells tbody tr")).toHaveCount(3);
  await expect(inspector.locator(".raw").last()).toContainText("0/3 nodes are available: 3 node(s) had untolerated taint(s)");
  await expect(app.element.locator('[data-node][data-refused="true"]')).toHaveCount(3);

  // A cross leads to its reason, and the reason to the manifest.
  await inspector.locator('.cells button').nth(1).click();
  await expect(inspector.locator(".reason")).toContainText("node-2 · TaintToleration");

  const fix = inspector.locator('.fixes li[data-sort="toleration"]');
  await expect(fix).toContainText("gpu=true:NoSchedule");
  await fix.getByRole("button").click();
  await expect(app.editorText).toContainText("tolerations:");
  await expect(app.editorText).toContainText("# enough");
  await page.getByTestId("apply").click();
  await app.expectReady(1);
});

test("a pod that is no part of a workload cannot become what would help it, and is made anew", async ({ app, page }) => {
  await app.open({ speed: 60 });
  await app.apply("apiVersion: v1\nkind: Pod\nmetadata: {name: solo}\nspec:\n  nodeSelector: {disk: ssd}\n  containers: [{name: app, image: nginx:1.27}]\n");
  await app.element.locator('[data-testid="pending-lane"] [data-pod]').click();
  const fix = page.getByTestId("inspector").locator(".fixes li").filter({ hasText: "nodeSelector" });
  await fix.getByRole("button").click();
  const finding = page.locator(".finding[data-error=true]");
  await expect(finding).toContainText("pod updates may not change fields other than");
  await finding.getByRole("button", { name: "Delete it and create it anew" }).click();
  await app.expectReady(1);
  await expect(finding).toHaveCount(0);
  const said = page.getByTestId("console-output");
  await expect(said).toContainText("$ kubectl delete pod solo --force --grace-period=0");
  await expect(said).toContainText("pod/solo created");
});

test("of a pod that runs, every node's points and where they come from", async ({ app, page }) => {
  await app.open({ speed: 60 }, NEEDS_GPU);
  await app.expectReady(1);
  await app.pods("ready").first().click();
  const inspector = page.getByTestId("inspector");
  await inspector.getByRole("tab", { name: "Why" }).click();
  await expect(inspector.locator(".score")).toHaveCount(3);
  const chosen = inspector.locator('.score[data-chosen="true"]');
  await expect(chosen.locator("tbody tr").filter({ hasText: "NodeResourcesFit" })).toBeVisible();
  const parts = await chosen.locator("tbody tr td:last-child").allInnerTexts();
  const total = parts.reduce((sum, points) => sum + Number(points), 0);
  await expect(chosen.locator(".score-total")).toHaveText(String(total));
  await expect(app.element.locator('.node-score[data-chosen="true"]')).toContainText(`${total} points`);
});

test("a guess is asked for before the scheduler decides, and refuted by the plugin that decided", async ({ app, page }) => {
  await app.open({ speed: 60 });
  await app.run("kubectl taint nodes node-1 gpu=true:NoSchedule");
  await page.getByTestId("predict-switch").click();
  await app.apply(NEEDS_GPU);
  const bar = page.getByTestId("predict");
  await expect(bar).toContainText("Where will train-");
  await expect(app.pods("wait"), "time stands still").toHaveCount(1);
  await app.element.locator('[data-select-node="node-1"]').click();
  await expect(bar).toContainText("node-1 cannot run train-");
  await expect(bar).toContainText("TaintToleration");
  await expect(bar).toContainText("0 of 1 right");
  await app.expectReady(1);
  await bar.getByRole("button", { name: "See why" }).click();
  await expect(page.getByTestId("inspector").locator(".sentence")).toContainText("points");
});
