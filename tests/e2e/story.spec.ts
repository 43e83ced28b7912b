/** A Deployment comes to life and rolls over to a new image: what the whole page is for. */
import { expect, fixture, test } from "./fixture";
import type { Card } from "./fixture";

const MANIFEST = fixture("myapp-deploy.yaml");

test("pods appear in the pending lane, move to nodes as themselves, and become ready", async ({ app }) => {
  await app.open({ autoplay: 0 });
  await expect(app.element.locator("[data-node]")).toHaveCount(3);
  await app.apply(MANIFEST);

  const seen = new Map<string, Set<string>>();
  const look = async (): Promise<Card[]> => {
    const cards = await app.cards();
    expect(new Set(cards.map((card) => card.uid)).size, "no pod is on screen twice").toBe(cards.length);
    for (const { uid, place, status } of cards) {
      if (!seen.has(uid)) seen.set(uid, new Set());
      seen.get(uid)!.add(place === "pending" ? "pending" : "node").add(status);
    }
    return cards;
  };
  await expect(async () => {
    await app.button("step-forward").click();
    const cards = await look();
    expect(cards.filter((card) => card.status === "ready")).toHaveLength(3);
  }).toPass({ intervals: [0], timeout: 45_000 });

  expect(seen.size, "no pod was replaced by another on its way").toBe(3);
  for (const [uid, what] of seen) expect([...what], uid).toEqual(expect.arrayContaining(["pending", "node", "wait", "progress", "ready"]));
});

test("a new image rolls out with never more than four pods and never fewer than two ready", async ({ app }) => {
  await app.open({ speed: 60 });
  await app.apply(MANIFEST);
  await app.expectReady(3);
  const old = (await app.cards()).map((card) => card.uid);

  const recorded = await app.record();
  await app.apply(MANIFEST.replace("myweb:v1.0", "myweb:v2.0"));
  await expect
    .poll(async () => (await app.cards()).filter(({ uid, status }) => status === "ready" && !old.includes(uid)).length, { timeout: 45_000 })
    .toBe(3);
  await app.expectReady(3);

  const frames = await recorded();
  expect(frames.length, "the rollout was seen to happen").toBeGreaterThan(3);
  for (const frame of frames) {
    const alive = frame.filter((card) => card.status !== "gone");
    expect(alive.length, "surge").toBeLessThanOrEqual(4);
    expect(frame.filter((card) => card.status === "ready").length, "floor").toBeGreaterThanOrEqual(2);
  }
  expect(Math.max(...frames.map((frame) => frame.length)), "the surge was used").toBeGreaterThanOrEqual(4);
});

test("the same seed gives the same run", async ({ app }) => {
  const run = async () => {
    await app.open({ speed: 60, seed: 42 }, MANIFEST);
    await app.expectReady(3);
    return (await app.cards()).map(({ name, uid, place }) => ({ name, uid, place }));
  };
  expect(await run()).toEqual(await run());
});
