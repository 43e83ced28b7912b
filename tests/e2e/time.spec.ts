/** Time can be stopped, walked and scrubbed both ways, and the past looks as it did. */
import { expect, fixture, test } from "./fixture";

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
