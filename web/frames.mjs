// Measures how the page plays a big cluster: ./kubeviz bench frames [NODES [PODS [SECONDS]]]
//
// Three phases of at most so many seconds each: pods start, the cluster rests, pods are replaced. A frame's length is read by
// the clock; what it costs is the processor time of the page's own thread, which other work on the machine disturbs less. Where
// very much is on the stage, time passes in one frame and is drawn in the next: how many frames have drawn is said, too.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "@playwright/test";
import { blocks, ownThread } from "./tasks.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const [nodes, pods, seconds] = [500, 10_000, 30].map((usual, at) => Number(process.argv[2 + at] ?? usual));

const server = spawn(process.execPath, [join(here, "serve.mjs"), "--port", "4330"], { stdio: ["ignore", "pipe", "inherit"] });
const [said] = await once(server.stdout, "data");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || undefined, args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
await page.goto(`${/http:\S+/.exec(said)[0]}?lang=en&seed=7&speed=1&nodes=${nodes}`);
await page.waitForFunction((count) => document.querySelectorAll("[data-node]").length === count, nodes);
await page.evaluate(() => {
  window.frames_ = [];
  const note = (now) => (window.frames_.push(now), requestAnimationFrame(note));
  requestAnimationFrame(note);
  window.drawn_ = 0;
  new MutationObserver(() => window.drawn_++).observe(document.querySelector("#stage"), { subtree: true, childList: true, attributes: true });
});
await page.waitForTimeout(3_000);

console.log(`${nodes} nodes, ${pods} pods, 1440x900; milliseconds`);
await phase("start", `kubectl create deployment web --image=web:1 --replicas=${pods}`, () => ready(pods));
await ready(pods, 600_000);
await phase("rest", "kubectl get deployment web", () => page.waitForTimeout(5_000));
await phase("roll", "kubectl set image deployment web web=web:2", () => page.waitForTimeout(seconds * 1_000));
await browser.close();
server.kill();

/** Waits until so many pods are ready, or the time is over. Says whether they are. */
function ready(count, timeout = seconds * 1_000) {
  const all = (count) => document.querySelector(".counts > :nth-child(2)").textContent.startsWith(`${count}/${count} `);
  return page.waitForFunction(all, count, { timeout, polling: 500 }).then(() => true, () => false);
}

async function phase(name, line, until) {
  await browser.startTracing(page, { categories: ["toplevel", "cc"] });
  await page.evaluate(() => ((window.frames_ = []), (window.drawn_ = 0)));
  await page.locator('[data-testid="console-input"]').fill(line);
  await page.keyboard.press("Enter");
  const began = Date.now();
  const done = await until();
  const took = Date.now() - began;
  const [times, drawn] = await page.evaluate(() => [window.frames_, window.drawn_]);
  const own = ownThread(await browser.stopTracing());
  const cost = own.filter((event) => event.name === "ProxyMain::BeginMainFrame").map((event) => event.tdur / 1_000);
  console.log(`${name} (${done === true ? "done" : "measured"} after ${(took / 1_000).toFixed(1)} s, ${times.length} frames, ${drawn} of them drew)`);
  console.log(`  frame       ${spread(times.slice(1).map((time, at) => time - times[at]))}`);
  console.log(`  processor   ${spread(cost)}`);
  console.log(`  ${blocks(own)}`);
}

function spread(values) {
  const sorted = values.sort((a, b) => a - b);
  const at = (share) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1).padStart(6);
  return `median ${at(0.5)}  p95 ${at(0.95)}  longest ${at(1)}`;
}
