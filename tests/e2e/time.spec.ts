/** Time can be stopped, walked and scrubbed both ways, and the past looks as it did. */
import { expect, expectAccessible, fixture, test } from "./fixture";

const MANIFEST = fixture("myapp-deploy.yaml");

test("stepping back and forward again shows the same stage", async ({ app }) => {
  await app.open({ speed: 60 }, MANIFEST);
  await app.expectReady(3);
  await app.button("play").click();
  const end = { stage: await app.text(), clock: await app.clock.innerText() };

  const past: string[] = [];
  for (let i = 0; i < 6; i++) {
    await app.button("step-back").click();
    past.push(await app.text());
  }
  expect(new Set([end.stage, ...past]).size, "the steps showed something").toBeGreaterThan(1);
  for (const stage of past.slice(0, -1).reverse()) {
    await app.button("step-forward").click();
    expect(await app.text()).toBe(stage);
  }
  await app.scrubber.press("End");
  expect(await app.text()).toBe(end.stage);
  await expect(app.clock).toHaveText(end.clock);
});

test("the scrubber goes to the beginning and to the end by keyboard, and says where it is", async ({ app }) => {
  await app.open({ speed: 60 });
  await app.apply(MANIFEST);
  await app.expectReady(3);
  await app.button("play").click();
  const end = await app.text();

  await expect(app.scrubber).toHaveRole("slider");
  await app.scrubber.press("Home");
  await expect(app.pods()).toHaveCount(0);
  await expect(app.scrubber).toHaveAttribute("aria-valuetext", /\S/);
  await app.scrubber.press("End");
  await expect(app.pods("ready")).toHaveCount(3);
  expect(await app.text()).toBe(end);
});

test("acting in the past begins another future", async ({ app }) => {
  await app.open({ speed: 60 });
  await app.apply(MANIFEST);
  await app.expectReady(3);
  await app.button("play").click();
  await app.scrubber.press("Home");
  await expect(app.pods()).toHaveCount(0);
  await app.apply(MANIFEST.replace("replicas: 3", "replicas: 1"));
  await app.button("play").click();
  await app.expectReady(1);
});

test("steps have three grains, and the finest tells what no log does", async ({ app, page }) => {
  await app.open({ speed: 60 }, MANIFEST);
  await app.expectReady(3);
  await app.button("play").click();
  const grain = page.getByTestId("grain");
  const told = page.getByTestId("stepped");
  await expect(told).toHaveCount(0);

  await grain.selectOption("write");
  await app.button("step-back").click();
  await expect(told).toContainText(/ (creates|changes|deletes) /);

  // Between two writes lie deliveries and looks that write nothing.
  await grain.selectOption("hop");
  const hops: string[] = [];
  for (let i = 0; i < 8; i++) {
    await app.button("step-back").click();
    hops.push(await told.innerText());
  }
  expect(hops.join("\n")).toMatch(/is told of \d+ writes|writes: 0/);
  for (const hop of hops.reverse()) {
    await app.button("step-forward").click();
    await expect(told).toHaveText(hop);
  }
  await expect(page.locator("p.unseen[role=status]")).toHaveText(hops.at(-1)!);
  // Forward again is where back leads from.
  await app.button("step-back").click();
  await expect(told).toHaveText(hops.at(-1)!);
  await app.button("play").click();
  await expect(told).toBeEmpty();
});

test("a phone has the rarer choices of time behind a button", async ({ app, page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await app.open({ speed: 60 }, MANIFEST);
  const until = page.getByTestId("until");
  await expect(until).toBeHidden();
  await page.getByTestId("time-more").click();
  await until.selectOption("ready");
  await expect(page.getByTestId("play")).toHaveAccessibleName("Play", { timeout: 30_000 });
  await app.expectReady(3);
  await expectAccessible(page);
});

test("digits turn to the views", async ({ app, page }) => {
  await app.open({ autoplay: 0 }, MANIFEST);
  await app.element.click({ position: { x: 5, y: 5 } });
  for (const [digit, view] of [["7", "table"], ["5", "timeline"], ["1", "cluster"]]) {
    await page.keyboard.press(digit!);
    await expect(page.locator(`[data-view="${view}"]`)).toHaveAttribute("aria-pressed", "true");
  }
});

test("behind the track stands how many pods were ready", async ({ app, page }) => {
  await app.open({ speed: 60 }, MANIFEST);
  await app.expectReady(3);
  const outline = page.locator(".scrubber-ready path");
  // Three of the four that the height stands for.
  await expect(outline).toHaveAttribute("d", /^M0 10(H\d+V[\d.]+)*H\d+V2\.500H1000V10Z$/);
  await app.run("kubectl scale deployment myapp-deploy --replicas=0");
  await expect(outline).toHaveAttribute("d", /H\d+V10\.000H1000V10Z$/);
});

test("where motion is not wanted a line shows the way, until the stage shows something else", async ({ app, page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await app.open({ speed: 10 });
  const traces = page.locator("#flight .traces line");
  const begin = async (name: string): Promise<void> => {
    await app.run(`kubectl run ${name} --image=nginx`);
    await expect(traces).not.toHaveCount(0);
  };
  await begin("one");
  await app.expectReady(1);
  await page.locator('[data-view="table"]').click();
  await expect(traces).toHaveCount(0);
  await page.locator('[data-view="cluster"]').click();
  await begin("two");
  await page.setViewportSize({ width: 1300, height: 900 });
  await expect(traces).toHaveCount(0);
});

test("a step with Shift goes over all that belongs together, both ways", async ({ app, page }) => {
  await app.open({ speed: 60 }, MANIFEST);
  await app.expectReady(3);
  await app.button("play").click();
  await app.element.click({ position: { x: 5, y: 5 } });
  await page.keyboard.press("Home");
  await expect(app.pods()).toHaveCount(0);
  await page.keyboard.press("Shift+Period");
  await expect(app.pods(), "the story goes on to its first pause").not.toHaveCount(0);
  for (let beat = 0; beat < 6 && (await app.pods("ready").count()) < 3; beat++) await page.keyboard.press("Shift+Period");
  await expect(app.pods("ready")).toHaveCount(3);

  await page.keyboard.press("End");
  await app.run("kubectl scale deployment --all --replicas=1");
  await app.element.click({ position: { x: 5, y: 5 } });
  for (let beat = 0; beat < 6 && (await app.pods().count()) > 1; beat++) await page.keyboard.press("Shift+Period");
  await expect(app.pods()).toHaveCount(1);
  for (let beat = 0; beat < 6 && (await app.pods("ready").count()) < 3; beat++) await page.keyboard.press("Shift+Comma");
  await expect(app.pods("ready"), "back to before it began").toHaveCount(3);
});
