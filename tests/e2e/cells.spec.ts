/** Very many pods are drawn as cells, and every one of them can still be reached. */
import { expect, fixture, test } from "./fixture";

const MANY = fixture("myapp-deploy.yaml").replace("replicas: 3", "replicas: 420");

test("cells are pointed at, walked over by keys, and looked into", async ({ app, page }) => {
  test.setTimeout(150_000);
  await app.open({ speed: 60, nodes: 60 });
  await app.apply(MANY);
  await app.expectAllReady(420, 120_000);
  await expect(app.element).toHaveAttribute("data-density", "cell");
  const node = app.element.locator("[data-node]").first();
  const names = async () => (await app.run(`kubectl get pods -o name --field-selector spec.nodeName=${await node.getAttribute("data-node")}`)).match(/pod\/\S+/g) ?? [];
  const onNode = await names();
  expect(onNode.length).toBeGreaterThan(4);

  // Cells that are not looked for are drawn apart.
  await page.getByTestId("play").focus();
  await page.keyboard.press("Slash");
  await page.keyboard.type(String(await node.getAttribute("data-node")));
  await expect(page.getByTestId("filter-count")).toHaveText(`${onNode.length} of 420 pods`);
  await expect(node.locator(".cells .off path")).toHaveCount(0);
  await expect(app.element.locator("[data-node]").nth(1).locator(".cells .off path")).toHaveCount(1);
  await page.keyboard.press("Escape");
  await expect(app.element.locator(".off")).toHaveCount(0);

  // A button lies over one cell; the pointer takes it along.
  const button = node.locator("[data-pod]");
  await expect(button).toHaveCount(1);
  const first = await button.getAttribute("data-pod");
  const drawing = (await node.locator(".cells-drawing").boundingBox())!;
  await page.mouse.move(drawing.x + 29, drawing.y + 5);
  await expect(button).not.toHaveAttribute("data-pod", first!);
  await expect(button).toHaveAttribute("data-status", "ready");
  const third = await button.getAttribute("data-pod");
  await page.mouse.down();
  await page.mouse.up();
  await expect(page.getByTestId("inspector")).toContainText(third!);
  await expect(button).toHaveAttribute("aria-pressed", "true");

  // The arrow keys go from cell to cell, and at the edge on to another stop.
  await button.focus();
  await page.keyboard.press("ArrowLeft");
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("data-pod") ?? document.activeElement?.className);
  await expect.poll(focused).not.toBe(third);
  const second = await focused();
  expect(onNode).toContain(`pod/${second}`);
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("inspector")).toContainText(second!);
  await page.keyboard.press("ArrowLeft");
  await expect.poll(focused).toBe(first);
  await page.keyboard.press("ArrowUp");
  await expect.poll(focused).toBe("node-head");
  await expect(page.locator('.stage [tabindex="0"]'), "one tab stop").toHaveCount(1);
});

test("nodes that nobody sees are drawn in turns, and all of them once time stands still", async ({ app, page }) => {
  test.setTimeout(150_000);
  await app.open({ speed: 4, nodes: 200 });
  await app.apply(MANY.replace("replicas: 420", "replicas: 900"));
  const heads = app.element.locator(".node-head");
  const onNodes = () => heads.evaluateAll((all) => all.reduce((sum, head) => sum + Number(/(\d+) pods$/.exec(head.getAttribute("aria-label")!)![1]), 0));
  const counted = async () => {
    const [, pods, pending] = /, (\d+) pods, (\d+) pending/.exec((await app.element.getAttribute("aria-label"))!)!;
    return Number(pods) - Number(pending);
  };
  await expect(heads.last()).not.toBeInViewport();
  await expect.poll(onNodes).toBeGreaterThan(100);
  await page.getByTestId("play").click();
  await expect.poll(async () => (await onNodes()) - (await counted())).toBe(0);
  expect(await counted(), "in the middle").toBeLessThan(900);
  await page.getByTestId("play").click();
  await app.expectAllReady(900, 120_000);
  await expect.poll(onNodes).toBe(900);
});
