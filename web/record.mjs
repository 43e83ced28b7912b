// Writes later.txt: the functions that the page does not run until its first picture stands, in any shape it may open in.
// `./kubeviz record` runs it, on a page built by `halves.mjs --record`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "@playwright/test";
import { mark } from "./later.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const names = new Map(JSON.parse(readFileSync(join(here, "../dist/functions.json"), "utf8")));
const SHAPES = [
  { query: "", viewport: { width: 1440, height: 900 } },
  { query: "?lang=ko&theme=dark", viewport: { width: 1440, height: 900 } },
  { query: "?embed=1", viewport: { width: 800, height: 500 } },
  { query: "?embed=1&seed=7&nodes=4&speed=0.5&autoplay=0&label=x&origin=http%3A%2F%2Flocalhost", viewport: { width: 800, height: 500 } },
  { query: "?lang=en", viewport: { width: 360, height: 740 } },
  { query: "?lang=en", viewport: { width: 1440, height: 900 }, offline: true },
];
/** What the cluster does by itself in this time belongs to the first picture too. */
const LOOK_MS = 6_000;

const server = spawn(process.execPath, [join(here, "serve.mjs"), "--port", "4320"], { stdio: ["ignore", "pipe", "inherit"] });
const [said] = await once(server.stdout, "data");
const address = /http:\S+/.exec(said)[0];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || undefined, args: ["--no-sandbox", "--disable-gpu"] });
const ran = new Set([mark("")]);
for (const { query, viewport, offline } of SHAPES) {
  const page = await browser.newPage({ viewport });
  if (offline) await page.addInitScript(() => Object.defineProperty(navigator, "onLine", { value: false }));
  await page.goto(address + query);
  if (offline) {
    // Without a network the page waits until it is whole.
    await page.waitForFunction(() => window.kubeviz.ran.has(0));
    await page.evaluate(() => window.dispatchEvent(new Event("kubeviz-whole")));
  }
  await page.waitForSelector("[data-node]");
  await page.waitForTimeout(LOOK_MS);
  for (const number of await page.evaluate(() => [...window.kubeviz.ran])) ran.add(mark(names.get(number) ?? ""));
  await page.close();
}
await browser.close();
server.kill();
const later = new Set([...names.values()].map(mark).filter((one) => !ran.has(one)));
writeFileSync(join(here, "later.txt"), [...later].sort().join("\n") + "\n");
console.log(`${ran.size} functions run until the first picture stands, ${later.size} only later`);
