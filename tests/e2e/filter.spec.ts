/** Looking for pods: by words and labels, from the keyboard and by hand; and the keys that lead on from what is found. */
import { expect, expectAccessible, test } from "./fixture";

const PODS = "kubectl create deployment web --image=nginx:1.26 --replicas=3\nkubectl run api --image=redis -l app=api";

test("pods that are not looked for lose their colour, and it is said how many there are", async ({ app, page }) => {
  await app.open({ lang: "en", speed: 60 });
  await app.run(PODS);
  await app.expectReady(4);
  const off = app.element.locator("[data-pod][data-off]");
  await page.locator("body").click({ position: { x: 700, y: 20 } });
  await page.keyboard.press("Slash");
  const field = page.getByTestId("filter");
  await expect(field).toBeFocused();
  await page.keyboard.type("app=web");
  await expect(page.getByTestId("filter-count")).toHaveText("3 of 4 pods");
  await expect(off).toHaveCount(1);
  await expect(off).toHaveAttribute("data-pod", "api");
  await field.fill("-l app in (api");
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await expect(off).toHaveCount(0);
  await field.fill("!nginx");
  await expect(off).toHaveCount(3);
  // Pods that come later are found, too.
  await app.run("kubectl scale deployment web --replicas=4");
  await expect(page.getByTestId("filter-count")).toHaveText("1 of 5 pods");
  await expect(off).toHaveCount(4);
  await expectAccessible(page);
  await page.getByTestId("filter-switch").click();
  await expect(field).toHaveCount(0);
  await expect(off).toHaveCount(0);
});

test("keys lead from a pod to its owner and back to before the last command", async ({ app, page }) => {
  await app.open({ lang: "en", speed: 60 });
  await app.run("kubectl create deployment web --image=nginx:1.26 --replicas=1");
  await app.expectReady(1);
  await app.pods().first().click();
  const inspector = page.getByTestId("inspector");
  await page.keyboard.press("o");
  await expect(inspector.getByRole("heading").first()).toContainText("ReplicaSet");
  await page.keyboard.press("o");
  await expect(inspector.getByRole("heading").first()).toContainText("Deploymentweb");
  await app.run("kubectl delete deployment web");
  await expect(app.pods()).toHaveCount(0);
  await app.element.focus();
  await page.getByTestId("play").focus();
  await page.keyboard.press("Control+z");
  await expect(app.pods()).toHaveCount(1);
});

test("a phone brings the button of the view that is shown in sight", async ({ app, page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await app.open({ lang: "en" });
  await page.goto(`${page.url().split("#")[0]}&view=table`);
  await expect(page.locator('[data-view="table"]')).toBeInViewport();
  await page.locator('[data-view="cluster"]').click();
  await expect(page.locator('[data-view="cluster"]')).toBeInViewport();
});
