/** The palette: everything without YAML, each as the line that it is; and what goes with it: undo, and running until a moment. */
import { expect, test } from "./fixture";

test("a workload and a node are added, and the node is lost", async ({ app, page }) => {
  await app.open({ lang: "en", speed: 60 });
  await page.getByTestId("add").click();
  await page.locator('[data-template="Deployment"]').click();
  await app.expectReady(3);
  await page.getByRole("button", { name: "Add node-4" }).click();
  await expect(app.element.locator('[data-select-node="node-4"]')).toBeVisible();
  await page.locator(".palette-line", { hasText: "fault node node-1 off" }).getByRole("button").click();
  await expect(page.getByTestId("console-output")).toContainText("node/node-1 off");
  // The grace of the node's lease and of its pods' tolerations is skipped; what it ran runs elsewhere.
  await expect(app.element.locator('[data-node="node-1"]')).toContainText("NotReady");
  await expect(app.element.locator('[data-node="node-4"] [data-pod], [data-node="node-2"] [data-pod], [data-node="node-3"] [data-pod]')).toHaveCount(3);
  // The template is in the manifest, where it can be changed.
  await page.getByTestId("add").click();
  await expect(page.getByTestId("editor")).toContainText("kind: Deployment");
});

test("a server falls ill and gets well, and an image is taken away and put back", async ({ app, page }) => {
  await app.open({ lang: "en", speed: 10 });
  const probe = '{"spec":{"containers":[{"name":"web","image":"nginx:1.26","readinessProbe":{"httpGet":{"port":80},"periodSeconds":2}}]}}';
  await app.run(`kubectl run web --image=nginx:1.26 --overrides='${probe}'`);
  await app.expectReady(1);
  await page.getByTestId("add").click();
  const line = (text: string) => page.locator(".palette-line", { hasText: text }).getByRole("button");
  await line("fault unhealthy pod/web").click();
  await expect(app.pods()).toContainText("0/1");
  await line("fault healthy pod/web").click();
  await app.expectReady(1);
  await line("fault image nginx:1.26 missing").click();
  await line("fault image docker.io/library/nginx:1.26 back").click();
  await expect(page.getByTestId("console-output")).toContainText("image/docker.io/library/nginx:1.26 back");
  await expect(line("fault image nginx:1.26 missing")).toBeVisible();
});

test("what was done is undone, and comes again if nothing else is done", async ({ app, page }) => {
  await app.open({ lang: "en", speed: 60 });
  await app.run("kubectl create deployment web --image=nginx:1.26 --replicas=2");
  await app.expectReady(2);
  await app.run("kubectl delete deployment web");
  await expect(app.pods()).toHaveCount(0);
  await page.getByTestId("add").click();
  await page.getByTestId("undo").click();
  await expect(app.pods()).toHaveCount(2);
  await page.getByTestId("play").click();
  await expect(app.pods()).toHaveCount(0);
});

test("the clock stops when the scheduler decides, and when all pods are ready", async ({ app, page }) => {
  await app.open({ lang: "en", speed: 10 });
  await app.run("fault stop default-scheduler\nkubectl create deployment web --image=nginx:1.26 --replicas=3");
  await expect(page.getByTestId("pending-lane").locator("[data-pod]")).toHaveCount(3);
  await page.getByTestId("play").click();
  await app.run("fault start default-scheduler");
  await page.getByTestId("until").selectOption("decision");
  await expect(page.getByTestId("play")).toHaveAccessibleName("Play");
  await expect(page.getByTestId("pending-lane").locator("[data-pod]")).toHaveCount(2);
  await page.getByTestId("until").selectOption("ready");
  await expect(page.getByTestId("play")).toHaveAccessibleName("Play");
  await app.expectReady(3);
  await expect(page.getByTestId("until")).toHaveValue("");
});

test("the clock stops at a time, and when something is so that kubectl can wait for", async ({ app, page }) => {
  await app.open({ lang: "en", speed: 60 });
  const until = page.getByTestId("until");
  await until.selectOption("written");
  await page.getByTestId("moment").fill("12:34");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  // A cluster at rest gets there at once.
  await expect(app.clock).toContainText("12:34.0 ", { timeout: 30_000 });
  await expect(app.button("play")).toHaveAccessibleName("Play");

  await until.selectOption("written");
  await page.getByTestId("moment").fill("deploy/web --for=nonsense");
  await page.keyboard.press("Enter");
  await expect(page.locator("#moment-wrong")).toHaveText('error: unrecognized condition: "nonsense"');
  await page.getByTestId("moment").fill("deploy/web --for=condition=Available");
  await page.keyboard.press("Enter");
  await app.run("kubectl create deployment web --image=nginx:1.26 --replicas=2");
  await expect(app.button("play")).toHaveAccessibleName("Play", { timeout: 30_000 });
  await expect(app.pods("ready")).toHaveCount(2);
});

test("the clock stops at every event with a reason, and says which", async ({ app, page }) => {
  await app.open({ lang: "en", speed: 60 });
  const until = page.getByTestId("until");
  await until.selectOption("reason:BackOff");
  await expect(until.locator("option").first()).toHaveText("Stops at reasons: 1");
  await app.run("kubectl run crash --image=busybox --command -- sh -c 'exit 1'");
  const times = [];
  for (let time = 0; time < 2; time++) {
    await expect(page.locator(".banner")).toContainText("Stopped at BackOff: Back-off restarting failed container", { timeout: 30_000 });
    await expect(app.button("play")).toHaveAttribute("aria-label", "Play");
    times.push(await page.getByTestId("clock").innerText());
    await page.locator(".banner button").click();
    await app.button("play").click();
  }
  expect(times[1]).not.toBe(times[0]);
  await until.selectOption("reason:BackOff");
  await expect(until.locator("option").first()).toHaveText("Run until…");
});
