/** The panels of a wide page: their sizes. */
import { expect, expectAccessible, test } from "./fixture";

test("the borders of panels move by dragging and by keys, and stay where they were left", async ({ app, page }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await app.open({ lang: "en" });
  const border = page.getByRole("separator", { name: "Width of the manifest" });
  const width = async (panel: string) => (await page.locator(panel).boundingBox())!.width;
  expect(await width("#manifest")).toBe(360);
  await border.focus();
  await page.keyboard.press("ArrowRight");
  await expect(border).toHaveAttribute("aria-valuenow", "376");
  const box = (await border.boundingBox())!;
  await page.mouse.move(box.x + box.width / 2, 400);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2 + 100, 420, { steps: 4 });
  await page.mouse.up();
  await expect.poll(() => width("#manifest")).toBe(476);
  const foot = page.getByRole("separator", { name: "Height of the console" });
  await foot.focus();
  await page.keyboard.press("ArrowUp");
  await expect(page.locator("#console-body")).toHaveCSS("height", "176px");
  await page.reload();
  await expect.poll(() => width("#manifest")).toBe(476);
  await border.dblclick();
  await expect.poll(() => width("#manifest")).toBe(360);
  // The clock stays where it is: Home and End are the border's own here.
  await border.focus();
  await page.keyboard.press("End");
  await expect.poll(() => width("#manifest")).toBeGreaterThan(480);
  await expectAccessible(page);
});
