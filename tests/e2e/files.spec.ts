/** The editor's files, and what applying them would change. */
import { readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { App, expect, expectAccessible, test } from "./fixture";

const config = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n`;
const WEB = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx:1.27
`;

const tool = (page: Page, name: string) => page.locator(`[data-tool="${name}"]`);
const tabs = (page: Page) => page.getByRole("tablist", { name: "Files" }).getByRole("tab");

test("files are tabs: opened, named, applied one or all, closed and brought back, kept over a reload", async ({ app, page }) => {
  await app.open({ autoplay: 0 });
  await app.paste(config("one"));
  await page.getByTestId("open-file").setInputFiles([
    { name: "second map.yaml", mimeType: "application/yaml", buffer: Buffer.from(config("two")) },
    { name: "picture.png", mimeType: "image/png", buffer: Buffer.from("no text") },
  ]);
  await expect(tabs(page)).toHaveText(["manifest.yaml", "second-map.yaml"]);
  await expect(app.editorText).toContainText("name: two");
  await tool(page, "rename").click();
  await page.getByRole("textbox", { name: "Name of the file" }).fill("two");
  await page.keyboard.press("Enter");
  await expect(tabs(page)).toHaveText(["manifest.yaml", "two.yaml"]);

  // The console knows them by their names; Apply is about the one in front.
  await app.button("apply").click();
  await expect(page.getByTestId("console-output")).toContainText("kubectl apply -f two.yaml");
  expect(await app.run("kubectl diff -f manifest.yaml -f two.yaml")).toContain("+  name: one");
  await tool(page, "apply-all").click();
  await expect(page.getByTestId("console-output")).toContainText("configmap/one created");

  // Arrow keys go from tab to tab, and each keeps its own history of changes.
  await tabs(page).nth(1).focus();
  await page.keyboard.press("ArrowLeft");
  await expect(app.editorText).toContainText("name: one");
  await expect(tabs(page).first()).toBeFocused();
  await app.editorText.click();
  await page.keyboard.press("ControlOrMeta+z");
  await expect(app.editorText).not.toContainText("name: two");
  await page.keyboard.press("ControlOrMeta+Shift+z");
  await expect(app.editorText).toContainText("name: one");
  await expectAccessible(page);

  await tool(page, "close").click();
  await expect(page.getByRole("tablist", { name: "Files" })).toHaveCount(0);
  await tool(page, "reopen").click();
  await expect(tabs(page)).toHaveText(["manifest.yaml", "two.yaml"]);
  await page.reload();
  await expect(tabs(page)).toHaveText(["manifest.yaml", "two.yaml"]);
  await expect(app.editorText).toContainText("name: one");
});

test("a link brings every file, and leaves alone what its reader wrote", async ({ app, page, browser }) => {
  await app.open({ autoplay: 0 });
  await app.paste(config("one"));
  await page.getByTestId("open-file").setInputFiles([{ name: "two.yaml", mimeType: "application/yaml", buffer: Buffer.from(config("two")) }]);
  await expect(tabs(page)).toHaveText(["manifest.yaml", "two.yaml"]);
  await tabs(page).first().click();
  await page.getByTestId("share").click();
  const link = await page.getByRole("dialog").getByRole("textbox", { name: "Link" }).inputValue();

  const context = await browser.newContext();
  const reader = new App(await context.newPage());
  await reader.page.goto(new URL("/?lang=en&autoplay=0", link).href);
  await reader.paste(config("mine"));
  await expect(reader.editorText).toContainText("name: mine");
  // Once by the link, once by the same link again: its files are there once.
  for (const _ of [1, 2]) {
    const opened = await context.newPage();
    await opened.goto(link);
    await expect(tabs(opened)).toHaveText(["manifest.yaml", "manifest-2.yaml", "two.yaml"]);
    await expect(new App(opened).editorText).toContainText("name: one");
    await tabs(opened).first().click();
    await expect(new App(opened).editorText).toContainText("name: mine");
    await opened.close();
  }
  await context.close();
});

test("files are dropped onto the editor, put in order and saved", async ({ app, page }) => {
  await app.open({ autoplay: 0 });
  await expect(app.editorText).toBeVisible();
  const ragged = "apiVersion: v1\nkind: ConfigMap   \nmetadata:\n    name: three # the third\n";
  await app.editorText.evaluate((content, text) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([text], "three.yml", { type: "application/yaml" }));
    for (const name of ["dragover", "drop"]) content.dispatchEvent(new DragEvent(name, { dataTransfer, bubbles: true, cancelable: true }));
  }, ragged);
  await expect(app.editorText).toContainText("name: three");
  await tool(page, "format").click();
  const [download] = await Promise.all([page.waitForEvent("download"), tool(page, "save").click()]);
  expect(download.suggestedFilename()).toBe("three.yml");
  expect(readFileSync(await download.path(), "utf8")).toBe("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: three # the third\n");
  await app.paste("a: [\n");
  await tool(page, "format").click();
  await expect(page.getByTestId("diagnostics")).toContainText("Not formatted");
});

test("what would change is shown before Apply, with what becomes of the pods", async ({ app, page }) => {
  await app.open({ speed: 60 });
  await app.apply(WEB);
  await app.expectReady(2);
  await app.button("play").click();
  await app.paste(WEB.replace("replicas: 2", "replicas: 3").replace("1.27", "1.28") + `---\n${config("new")}`);
  await page.getByTestId("preview-button").click();
  const preview = page.getByTestId("preview");
  await expect(preview.locator('[data-mark="in-place"]')).toContainText("spec.replicas");
  await expect(preview.locator('[data-mark="rolls"]')).toContainText(/- nginx:1\.27\s+\+ nginx:1\.28/);
  await expect(preview.locator('[data-fate="created"]')).toContainText("ConfigMap new");
  await expectAccessible(page);
  // To look is to do nothing; and Apply is still there.
  await expect(app.pods("ready")).toHaveCount(2);
  await page.getByTestId("preview-button").click();
  await app.paste(WEB.replaceAll("app: web", "app: other"));
  await page.getByTestId("preview-button").click();
  await expect(preview.locator('[data-mark="refused"]').first()).toBeVisible();
  await expect(preview).toContainText("field is immutable");
  await app.button("apply").click();
  await expect(preview).toHaveCount(0);
});
