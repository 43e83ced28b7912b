/**
 * The stories that a course tells, each played as its reader would. First pod, rolling update: story.spec; unschedulable with its
 * fix: why.spec; rollback, Recreate's downtime: rollout.spec; the loss of a node: add.spec.
 */
import { expect, fixture, test } from "./fixture";

const deployment = (name: string, replicas: number, spec: string): string => `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
${spec.replace(/^/gm, "      ")}
`;

const PLAIN = "containers: [{name: main, image: nginx:1.26}]";

test("a taint keeps pods away, and one that tolerates it goes there", async ({ app }) => {
  await app.open({ speed: 60 });
  await app.run("kubectl taint nodes node-1 node-2 team=blue:NoSchedule");
  await app.apply(deployment("plain", 4, PLAIN));
  await app.expectReady(4);
  expect((await app.cards()).map(({ place }) => place)).toEqual(Array(4).fill("node-3"));

  const tolerant = `tolerations: [{key: team, operator: Equal, value: blue, effect: NoSchedule}]\n${PLAIN}`;
  await app.apply(deployment("blue", 4, tolerant));
  await app.expectReady(8);
  const blue = (await app.cards()).filter(({ name }) => name.startsWith("blue-"));
  expect(blue.filter(({ place }) => place !== "node-3").length, "most run where there is room").toBeGreaterThanOrEqual(3);

  // NoExecute sends away who does not tolerate it; nobody else can take them.
  await app.run("kubectl taint nodes node-3 team=red:NoExecute");
  const lane = app.element.locator('[data-testid="pending-lane"] [data-pod^="plain-"]');
  await expect(lane).toHaveCount(4, { timeout: 30_000 });
  await app.run("kubectl taint nodes node-3 team=red:NoExecute-");
  await app.expectReady(8);
});

test("pods that avoid each other run one to a node, and the fourth waits for a fourth node", async ({ app, page }) => {
  await app.open({ speed: 60 });
  const apart = `affinity:
  podAntiAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
    - {labelSelector: {matchLabels: {app: apart}}, topologyKey: kubernetes.io/hostname}
${PLAIN}`;
  await app.apply(deployment("apart", 4, apart));
  await expect(app.pods("ready")).toHaveCount(3, { timeout: 30_000 });
  expect(new Set((await app.cards()).map(({ place }) => place))).toEqual(new Set(["node-1", "node-2", "node-3", "pending"]));

  await app.element.locator('[data-testid="pending-lane"] [data-pod]').click();
  const inspector = page.getByTestId("inspector");
  await inspector.getByRole("tab", { name: "Why" }).click();
  await expect(inspector.locator(".funnel li").last()).toContainText("InterPodAffinity");
  await expect(inspector.locator(".raw").last()).toContainText("3 node(s) didn't match pod anti-affinity rules");

  await page.getByTestId("add").click();
  await page.getByRole("button", { name: "Add node-4" }).click();
  await app.expectReady(4);
  expect((await app.cards()).map(({ place }) => place).sort()).toEqual(["node-1", "node-2", "node-3", "node-4"]);
});

test("a StatefulSet starts in order, keeps its volumes, and comes back under its names", async ({ app }) => {
  await app.open({ speed: 60 });
  const recorded = await app.record();
  const manifest = fixture("statefulset-myapp-sts-vol.yaml").replace("replicas: 2", "replicas: 3");
  // Of the class that is there by default.
  await app.apply(manifest.replace(/^.*storageClassName.*$/m, ""));
  const replicas = 3;
  await app.expectReady(replicas);
  const frames = await recorded();
  const first = (name: string, ready: boolean): number =>
    frames.findIndex((frame) => frame.some((card) => card.name === name && (!ready || card.status === "ready")));
  for (let ordinal = 1; ordinal < replicas; ordinal++) {
    expect(first(`myapp-sts-vol-${ordinal}`, false), `${ordinal} waits for the one before`).toBeGreaterThanOrEqual(first(`myapp-sts-vol-${ordinal - 1}`, true));
  }
  const claims = await app.run("kubectl get pvc");
  expect(claims.match(/Bound/g)).toHaveLength(replicas);

  const before = (await app.cards()).find(({ name }) => name === "myapp-sts-vol-0")!;
  await app.run("kubectl delete pod myapp-sts-vol-0");
  await expect.poll(async () => (await app.cards()).find(({ name, status }) => name === "myapp-sts-vol-0" && status === "ready")?.uid, { timeout: 30_000 }).not.toBe(before.uid);
  await app.expectReady(replicas);
  const volumes = (text: string): string[] => text.split("\n").filter((line) => line.includes("Bound")).map((line) => line.split(/\s+/)[2]!);
  expect(volumes(await app.run("kubectl get pvc")), "the same volumes").toEqual(volumes(claims));
});

test("an autoscaler follows the load up, and down again when it has been low for long enough", async ({ app, page }) => {
  await app.open({ speed: 60 });
  await page.getByTestId("add").click();
  await page.locator('[data-template="HorizontalPodAutoscaler"]').click();
  await app.expectReady(1);
  await app.run("load svc/api --rate 100 --name rush");
  await expect.poll(() => app.pods("ready").count(), { timeout: 60_000 }).toBeGreaterThan(4);
  const described = await app.run("kubectl describe hpa api");
  expect(described).toContain("SuccessfulRescale");
  await app.run("load stop rush");
  await app.expectReady(1);
});

test("a drain waits for the disruption budget, and ends when there is somewhere to go", async ({ app, page }) => {
  await app.open({ speed: 60 });
  await page.getByTestId("add").click();
  await page.locator('[data-template="PodDisruptionBudget"]').click();
  await app.expectReady(3);
  // Nowhere else to go: what is evicted cannot be ready again, and the budget allows one.
  await app.run("kubectl cordon node-1 node-2 node-3");
  await app.run("kubectl drain node-1 node-2 node-3 --ignore-daemonsets --timeout=60s");
  const output = page.getByTestId("console-output");
  await expect(output).toContainText("Cannot evict pod as it would violate the pod's disruption budget.", { timeout: 30_000 });
  await expect(output).toContainText("global timeout reached", { timeout: 60_000 });
  await expect(app.pods("ready"), "two are left: as many as have to be").toHaveCount(2);
  await expect(app.pods("wait")).toHaveCount(1);

  await app.run("kubectl uncordon node-3");
  await app.expectReady(3);
  await app.run("kubectl drain node-1 node-2 --ignore-daemonsets");
  await expect(output).toContainText("node/node-2 drained", { timeout: 60_000 });
  await app.expectReady(3);
  expect((await app.cards()).map(({ place }) => place)).toEqual(["node-3", "node-3", "node-3"]);
});

test("rewound to the start and played again, the run shows the same pictures", async ({ app, page }) => {
  test.setTimeout(120_000);
  await page.emulateMedia({ reducedMotion: "reduce" });
  await app.open({ speed: 60 });
  await app.apply(fixture("myapp-deploy.yaml").replace("minReadySeconds: 20", "minReadySeconds: 2"));
  await app.expectReady(3);
  await app.run("kubectl set image deployment/myapp-deploy '*=ghcr.io/example/myweb:v2.0'\nkubectl rollout status deployment/myapp-deploy");
  await expect(page.getByTestId("console-output")).toContainText("successfully rolled out", { timeout: 60_000 });
  await app.expectReady(3);
  await app.button("play").click();
  const end = (await app.clock.innerText()).split("/")[1]!.trim();
  const play = async (): Promise<string[]> => {
    await app.scrubber.press("Home");
    return page.evaluate(async (end) => {
      const find = (name: string): HTMLElement => document.querySelector(`[data-testid="${name}"]`)!;
      const pictures: string[] = [];
      for (let now = ""; now < end && pictures.length < 300; ) {
        find("step-forward").click();
        // What is nested is drawn after what holds it: the picture stands when two frames in a row show the same.
        let stage = "";
        for (let before = "-"; stage !== before; ) {
          before = stage;
          await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
          stage = find("stage").innerHTML;
        }
        now = find("clock").innerText.split("/")[0]!.trim();
        pictures.push(`${now}\n${stage.replaceAll(/ (style|tabindex)="[^"]*"/g, "")}`);
      }
      return pictures;
    }, end);
  };
  const first = await play();
  expect(new Set(first).size, "much was seen").toBeGreaterThan(20);
  expect(await play()).toEqual(first);
});
