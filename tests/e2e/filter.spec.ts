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

test("what is looked for stands out in every view that shows pods, and in any table", async ({ app, page }) => {
  await app.open({ lang: "en", speed: 60 });
  await app.run(`${PODS}\nkubectl expose deployment web --port=80\nkubectl run gone --image=redis`);
  await app.expectReady(5);
  await app.run("kubectl delete pod gone --now");
  await app.expectReady(4);
  const view = async (name: string) => {
    await page.locator(`[data-view="${name}"]`).click();
    await expect(page.locator(`[data-view="${name}"]`)).toHaveAttribute("aria-pressed", "true");
  };
  await view("timeline");
  await page.keyboard.press("Slash");
  await page.keyboard.type("web");
  const off = app.element.locator("[data-off]");
  const count = page.getByTestId("filter-count");
  await expect(count).toHaveText("3 of 4 pods");
  await expect(off).toHaveCount(2);
  await page.keyboard.press("Control+a");
  await page.keyboard.type("gone");
  await expect(count).toHaveText("0 of 4 pods");
  await expect(off).toHaveCount(4);
  await expect(app.element.locator('[data-lane="gone"]')).not.toHaveAttribute("data-off");
  await expectAccessible(page);

  await page.getByTestId("filter").fill("api");
  await view("tree");
  await expect(off.first()).toHaveAttribute("data-kind", "Pod");
  await expectAccessible(page);
  await view("rollout");
  await expect(app.element.locator(".rollout [data-pod][data-off]")).toHaveCount(3);
  await view("traffic");
  // The selector lets three through and one not; that one is looked for.
  await expect(app.element.locator(".flow-row[data-off]")).toHaveCount(6);
  await expectAccessible(page);

  await view("table");
  await expect(count).toHaveText("1 of 4 rows");
  await page.locator(".table-kind select").selectOption("Node");
  await page.getByTestId("filter").fill("node-2");
  await expect(count).toHaveText("1 of 3 rows");
  await expect(off).toHaveCount(2);
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await expect(off).toHaveCount(0);

  // Where nothing could stand out, the field leads to where it can.
  await view("xray");
  await page.keyboard.press("Slash");
  await expect(page.locator('[data-view="cluster"]')).toHaveAttribute("aria-pressed", "true");
  await expect(page.getByTestId("filter")).toBeFocused();
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
