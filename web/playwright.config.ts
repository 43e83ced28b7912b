/** End-to-end tests of the built page; `./kubeviz test e2e` runs them. */
import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "../tests/e2e",
  outputDir: "../target/e2e",
  timeout: 60_000,
  expect: { timeout: 15_000 },
  // The specs share one machine with the browser they measure; more at once would only slow each other.
  workers: 2,
  fullyParallel: false,
  // What is measured is measured alone, when everything else is done.
  projects: [
    { name: "page", testIgnore: /speed/ },
    { name: "speed", testMatch: /speed/, dependencies: ["page"] },
  ],
  forbidOnly: !!process.env.CI,
  retries: 0,
  reporter: [["list"]],
  webServer: {
    // Takes the next free port and says which; the test processes find it in KUBEVIZ_PORT.
    command: "node serve.mjs --port 4310",
    wait: { stdout: /is at http:\/\/localhost:(?<KUBEVIZ_PORT>\d+)/ },
  },
  use: {
    baseURL: `http://localhost:${process.env.KUBEVIZ_PORT}`,
    // Requests are looked at and held up; a worker would answer them from what it has kept. offline.spec.ts allows it.
    serviceWorkers: "block",
    viewport: { width: 1440, height: 900 },
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM || undefined,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
