/** Going anywhere by name: objects, tables, views and commands, from the keyboard and by hand. */
import { expect, expectAccessible, test } from "./fixture";

test("a part of a name leads to its object, a kind to its table, a word to a command", async ({ app, page }) => {
  await app.open({ lang: "en", speed: 60 });
  await app.run("kubectl create deployment web --image=nginx:1.26 --replicas=2");
  await app.expectReady(2);
  const go = async (text: string) => {
    await page.getByTestId("play").focus();
    await page.keyboard.press("Shift+Semicolon");
    await expect(page.getByTestId("goto")).toBeFocused();
    await page.keyboard.type(text);
    return page.getByRole("dialog").getByRole("option", { selected: true });
  };
  await expect(await go("deploy/w")).toContainText("Deploymentwebdefault");
  await expectAccessible(page);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.getByTestId("inspector").getByRole("heading").first()).toContainText("Deploymentweb");

  await expect(await go("replicasets")).toHaveText("Table: ReplicaSet");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("table").getByRole("rowheader")).toHaveText([/^web-/]);

  await expect(await go("timel")).toHaveText("Timeline5");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("timeline")).toBeVisible();

  await expect(await go("kubectl scale deploy web --replicas=1")).toContainText("Run");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("console-output")).toContainText("deployment.apps/web scaled");

  await go("no such thing");
  await expect(page.getByRole("dialog").getByRole("option")).toHaveCount(0);
  await expect(page.getByRole("dialog").getByRole("status")).toHaveText("Nothing here is called so.");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("the list is walked with arrow keys, and taken by hand", async ({ app, page }) => {
  await app.open({ lang: "ko" });
  await page.getByTestId("goto-open").click();
  const options = page.getByRole("dialog").getByRole("option");
  await page.keyboard.press("ArrowUp");
  await expect(options.last()).toHaveAttribute("aria-selected", "true");
  await expect(options.last()).toBeInViewport();
  await page.keyboard.press("ArrowDown");
  await expect(options.first()).toHaveAttribute("aria-selected", "true");
  // So are Korean words by their initial consonants.
  await page.keyboard.type("ㅋㄹㅅㅌ");
  await expect(options.first()).toHaveText("클러스터1");
  await page.getByTestId("goto").fill("");
  // The words of the other language are found, too.
  await page.keyboard.type("traffic");
  await options.first().click();
  await expect(page.locator('[data-view="traffic"]')).toHaveAttribute("aria-pressed", "true");
});
