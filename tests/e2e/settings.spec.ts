import type { Page } from "@playwright/test";
import { expect, test } from "./fixture";

/** How many different times the clock shows within so many milliseconds. */
function timesShown(page: Page, within: number): Promise<number> {
  return page.evaluate(async (within) => {
    const clock = document.querySelector<HTMLElement>('[data-testid="clock"]')!;
    const seen = new Set<string>();
    for (const end = performance.now() + within; performance.now() < end; ) {
      seen.add(clock.innerText);
      await new Promise(requestAnimationFrame);
    }
    return seen.size;
  }, within);
}

async function settings(page: Page): Promise<void> {
  await page.getByRole("button", { name: /^(Keys and settings|단축키와 설정)$/ }).click();
}

test("without motion time goes from change to change, unless one chooses otherwise", async ({ app, page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await app.open({ speed: 4 });
  await app.run("kubectl run one --image=nginx");
  expect(await timesShown(page, 2_500), "a second's rest at each change").toBeLessThanOrEqual(8);
  await app.expectReady(1);

  await settings(page);
  const steps = page.getByTestId("steps");
  await expect(steps).toBeChecked();
  await steps.uncheck();
  await page.keyboard.press("Escape");
  await app.run("kubectl run two --image=nginx");
  expect(await timesShown(page, 2_500), "time passes").toBeGreaterThan(12);
});

test("what is chosen is there the next time", async ({ app, page }) => {
  await app.open();
  await page.keyboard.press("Shift+Slash");
  await expect(page.getByTestId("steps")).not.toBeChecked();
  await page.getByTestId("motion").selectOption("reduce");
  await expect(page.locator("html")).toHaveAttribute("data-motion", "reduce");
  await expect(page.getByTestId("steps")).toBeChecked();
  await page.getByTestId("voice").selectOption("off");
  await page.getByTestId("single-keys").uncheck();
  await page.keyboard.press("Escape");

  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-motion", "reduce");
  await page.keyboard.press("Shift+Slash");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await settings(page);
  await expect(page.getByTestId("voice")).toHaveValue("off");
  await page.getByTestId("motion").selectOption("system");
  await expect(page.locator("html")).not.toHaveAttribute("data-motion", /./);
});

test("who does not see the stage is told as much as wanted", async ({ app, page }) => {
  const told = page.locator("p.unseen[role=status]");
  const choose = async (voice: string): Promise<void> => {
    await settings(page);
    await page.getByTestId("voice").selectOption(voice);
    await page.keyboard.press("Escape");
  };
  await app.open({ autoplay: 0, lang: "ko" });
  await choose("all");
  await app.run("kubectl run one --image=nginx");
  await app.run("kubectl run two --image=nginx");
  await app.button("step-forward").click();
  await expect(told).toHaveAttribute("lang", "en");
  await expect(told).toContainText(/one: |two: /);
  await choose("off");
  await app.button("step-forward").click();
  await expect(told).toBeEmpty();
});

test("a phone has its settings behind one button", async ({ app, page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await app.open();
  await settings(page);
  await page.getByTestId("language").selectOption("한국어");
  await page.getByTestId("colours").selectOption("어둡게");
  await page.keyboard.press("Escape");
  await expect(page.locator("html")).toHaveAttribute("lang", "ko");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await settings(page);
  await expect(page.getByTestId("motion")).toHaveValue("system");
});

test("what was done is played again with another seed", async ({ app, page }) => {
  await app.open({ seed: 7, speed: 60 });
  await app.run("kubectl create deployment web --image=nginx --replicas=3");
  await app.expectReady(3);
  const names = async (): Promise<string[]> => (await app.cards()).map(({ name }) => name).sort();
  const before = await names();
  await settings(page);
  await page.getByTestId("reroll").click();
  await expect.poll(names).not.toEqual(before);
  await app.expectReady(3);
  await expect(page.getByTestId("console-output")).toContainText("deployment.apps/web created");
  await settings(page);
  await expect(page.getByRole("dialog")).toContainText("seed 8");
});
