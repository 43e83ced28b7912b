/** The same through kubectl. */
import { expect, fixture, test } from "./fixture";

test("apply, get, scale and set image work as they do in a terminal", async ({ app }) => {
  await app.open({ speed: 60 });
  expect(await app.run(`kubectl apply -f - <<EOF\n${fixture("myapp-deploy.yaml")}EOF`)).toContain("deployment.apps/myapp-deploy created");
  await app.expectReady(3);

  const pods = await app.run("kubectl get pods");
  expect(pods).toMatch(/NAME\s+READY\s+STATUS\s+RESTARTS\s+AGE/);
  expect(pods.match(/myapp-deploy-\S+\s+1\/1\s+Running\s+0/g)).toHaveLength(3);

  expect(await app.run("kubectl scale deployment/myapp-deploy --replicas=5")).toContain("deployment.apps/myapp-deploy scaled");
  await app.expectReady(5);

  const old = (await app.cards()).map((card) => card.uid);
  expect(await app.run("kubectl set image deployment/myapp-deploy myapp=ghcr.io/example/myweb:v2.0")).toContain("deployment.apps/myapp-deploy image updated");
  await expect.poll(async () => (await app.cards()).some(({ uid }) => old.includes(uid)), { timeout: 45_000 }).toBe(false);
  await app.expectReady(5);
});

test("a command that fails says why in kubectl's words", async ({ app }) => {
  await app.open();
  expect(await app.run("kubectl get pod nosuch")).toContain('Error from server (NotFound): pods "nosuch" not found');
  expect(await app.run("kubectl get nosuchs")).toContain(`error: the server doesn't have a resource type "nosuchs"`);
});

test("earlier lines come back with the arrow keys", async ({ app, page }) => {
  await app.open();
  await app.run("kubectl get nodes");
  await app.run("kubectl get pods");
  const input = page.getByTestId("console-input");
  await input.press("ArrowUp");
  await expect(input).toHaveValue("kubectl get pods");
  await input.press("ArrowUp");
  await expect(input).toHaveValue("kubectl get nodes");
  await input.press("ArrowDown");
  await expect(input).toHaveValue("kubectl get pods");
});

test("kubectl edit opens the object in the editor, takes what is saved, and gives the manifest back", async ({ app, page }) => {
  await app.open({ speed: 60 }, fixture("myapp-deploy.yaml"));
  await app.expectReady(3);
  const input = page.getByTestId("console-input");
  await input.fill("kubectl edit deployment myapp-deploy");
  await input.press("Enter");
  await expect(page.getByTestId("cancel-edit")).toBeVisible();
  await expect(app.editorText).toContainText("Please edit the object below");
  const text = await app.editorText.evaluate(
    (content) => (content as unknown as { cmTile: { view: { state: { doc: object } } } }).cmTile.view.state.doc.toString(),
  );
  await app.paste(text.replace("replicas: 3", "replicas: 2"));
  await page.getByTestId("apply").click();
  await expect(page.getByTestId("console-output")).toContainText("deployment.apps/myapp-deploy edited");
  await app.expectReady(2);
  await expect(app.editorText).toContainText("# Three pods behind a Deployment");

  await input.fill("kubectl edit deployment myapp-deploy");
  await input.press("Enter");
  await page.getByTestId("cancel-edit").click();
  await expect(page.getByTestId("console-output")).toContainText("Edit cancelled, no changes made.");
  await expect(app.editorText).toContainText("# Three pods behind a Deployment");
});

test("commands in a line go on or do not, as in a shell, also after one that waits; what is printed goes into kubectl", async ({ app, page }) => {
  await app.open({ lang: "en", speed: 60 });
  const output = page.getByTestId("console-output");
  await app.run("kubectl create deployment web --image=nginx:1.26 && kubectl rollout status deploy/web && echo all-are-there; kubectl get pod nope && echo never || echo 'there is none'");
  await expect(output).toContainText("successfully rolled out");
  await expect(output.getByText("all-are-there", { exact: true })).toBeVisible();
  await expect(output.getByText("there is none", { exact: true })).toBeVisible();
  await expect(output.getByText("never", { exact: true })).toHaveCount(0);
  await app.run("kubectl wait deploy/web --for=jsonpath='{.spec.replicas}'=9 --timeout=5s || echo given-up");
  await expect(output.getByText("given-up", { exact: true })).toBeVisible();
  await app.run("kubectl create configmap a --from-literal=b=c --dry-run=client -o yaml | kubectl apply -f -");
  await expect(output).toContainText("configmap/a created");
});
