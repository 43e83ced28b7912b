/** What the editor offers and explains, from the schema and from the live cluster. */
import { expect, expectAccessible, fixture, test } from "./fixture";

const HEAD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n";

test("what is offered comes from the live cluster, and goes on from field to value", async ({ app, page }) => {
  await app.open({ autoplay: 0 });
  await app.run("kubectl create priorityclass high --value=1000");
  await app.paste(`${HEAD}  `);
  await page.keyboard.press("ControlOrMeta+End");
  await page.keyboard.type("prio");
  const option = page.getByRole("option", { name: /priorityClassName/ });
  await expect(option).toBeVisible();
  await option.click();
  await expect(page.getByRole("option", { name: /^high/ })).toBeVisible();
  await page.getByRole("option", { name: /^high/ }).click();
  await expect(app.editorText).toContainText("priorityClassName: high");
});

test("a required field comes first and brings what it needs, in the keyboard's hands", async ({ app, page }) => {
  await app.open({ autoplay: 0 });
  await app.paste(`${HEAD}  `);
  await page.keyboard.press("ControlOrMeta+End");
  await page.keyboard.press("Control+Space");
  await expect(page.getByRole("option").first()).toContainText("containers");
  await expect(page.getByRole("option").first()).toContainText("required");
  await page.waitForTimeout(100); // CodeMirror ignores keys in the first moment of a list
  await page.keyboard.press("Enter");
  await page.keyboard.type("web");
  await expect(app.editorText).toContainText("- name: web");
  await expect(app.editorText.locator(".cm-line").nth(6)).toHaveText("  - name: web");
});

test("an empty text offers whole documents", async ({ app, page }) => {
  await app.open({ autoplay: 0, lang: "ko" });
  await app.editorText.click();
  await page.keyboard.type("Config");
  const option = page.getByRole("option", { name: /^ConfigMap/ });
  await option.click();
  await page.keyboard.type("mine");
  await expect(app.editorText).toContainText("kind: ConfigMap");
  await expect(app.editorText).toContainText("name: mine");
});

test("a field and a name explain themselves", async ({ app, page }) => {
  await app.open({ autoplay: 0 });
  await app.paste(`${HEAD}  nodeName: node-2\n  hostIPC: true\n  containers:\n  - name: a\n    image: a\n`);
  await app.editorText.getByText("node-2").hover();
  await expect(page.locator(".cm-hover-text")).toContainText("Node node-2");
  await expect(page.locator(".cm-hover-text")).toContainText("status.allocatable.cpu");
  await app.editorText.getByText("hostIPC").hover();
  await expect(page.locator(".cm-hover-text")).toContainText("spec.hostIPC");
  await expect(page.locator(".cm-hover-text")).toContainText("Not simulated");
  await expectAccessible(page);
});

test("an error at its line takes a fix, from the list and in the text", async ({ app, page }) => {
  await app.open({ autoplay: 0 });
  await app.paste(`${HEAD}  restartPolicy: always\n  containers:\n  - name: a\n    imagee: nginx:1.27\n`);
  const findings = page.getByTestId("diagnostics");
  await findings.getByRole("button", { name: "Write image" }).click();
  await expect(app.editorText).toContainText("image: nginx:1.27");
  // Nothing is wrong with the text any more; now the API server is asked.
  await expect(findings).toContainText('supported values: "Always", "OnFailure", "Never"');
  await app.editorText.getByText("restartPolicy").hover();
  await page.locator(".cm-diagnosticAction", { hasText: "Write Always" }).click();
  await expect(app.editorText).toContainText("restartPolicy: Always");
  await expect(findings).toBeEmpty();
  await expectAccessible(page);
});

test("a card lights up the lines that it comes from, and a line the cards that come from it", async ({ app, page }) => {
  const two = `apiVersion: v1\nkind: Service\nmetadata: {name: front}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n---\n${fixture("myapp-deploy.yaml")}`;
  await app.open({ speed: 60 });
  await app.apply(two);
  await app.expectReady(3);
  const lit = page.locator(".cm-lit");
  await expect(lit).toHaveCount(0);
  await app.pods().first().hover();
  await expect(lit.filter({ hasText: "kind: Deployment" })).toHaveCount(1);
  const lines = await lit.allInnerTexts();
  expect(lines.join("\n")).not.toContain("kind: Service");
  await page.locator("h1").hover();
  await expect(lit).toHaveCount(0);

  // By keyboard, and back from the text.
  await app.pods().first().focus();
  await expect(lit.filter({ hasText: "kind: Deployment" })).toHaveCount(1);
  const marked = app.element.locator("[data-lit]");
  await app.editorText.getByText("kind: Deployment").hover();
  await expect(marked).toHaveCount(4);
  await app.editorText.getByText("kind: Service").hover();
  await expect(marked).toHaveCount(0);
});
