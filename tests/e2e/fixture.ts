/**
 * What every spec starts from: a page that fails its test on any error in the browser's console, and `app`, the
 * page in the user's words.
 *
 * The specs find things by `data-testid`, `data-node="node-1"` and `data-pod="NAME"`. The id of a pod's card is its uid; it
 * carries `data-status` (wait, progress, ready, fail, done, gone) and stands inside its node's card or the pending lane.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { test as base, expect } from "@playwright/test";
import type { FrameLocator, Locator, Page } from "@playwright/test";

export { expect };

export type Status = "wait" | "progress" | "ready" | "fail" | "done" | "gone";

/** A pod card as it stands on screen. */
export interface Card {
  name: string;
  uid: string;
  status: Status;
  /** A node's name, "pending" for the lane, or "" for anywhere else. */
  place: string;
}

export interface Options {
  lang?: "en" | "ko";
  theme?: "light" | "dark";
  seed?: number;
  nodes?: number;
  speed?: number;
  embed?: 1;
  autoplay?: 0 | 1;
}

/** Everything that happens inside the stage can be asked of a page and of a figure's frame alike. */
export class Stage {
  constructor(private readonly root: Page | FrameLocator) {}

  get element(): Locator {
    return this.root.getByTestId("stage");
  }

  pods(status?: Status): Locator {
    return this.element.locator(status ? `[data-pod][data-status="${status}"]` : "[data-pod]");
  }

  cards(): Promise<Card[]> {
    return this.element.evaluate((stage) =>
      [...stage.querySelectorAll<HTMLElement>("[data-pod]")].map((pod) => ({
        name: pod.dataset.pod ?? "",
        uid: pod.id,
        status: (pod.dataset.status ?? "") as Status,
        place:
          pod.closest<HTMLElement>("[data-node]")?.dataset.node ??
          (pod.closest('[data-testid="pending-lane"]') ? "pending" : ""),
      })),
    );
  }

  text(): Promise<string> {
    return this.element.innerText();
  }

  async expectReady(count: number): Promise<void> {
    await expect(this.pods("ready")).toHaveCount(count, { timeout: 30_000 });
    await expect(this.pods()).toHaveCount(count, { timeout: 30_000 });
  }
}

export class App extends Stage {
  constructor(readonly page: Page) {
    super(page);
  }

  /** Opens the page; with `yaml`, by a link that carries it. */
  async open(options: Options = {}, yaml?: string): Promise<void> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({ lang: "en", theme: "light", seed: 7, ...options })) query.set(name, String(value));
    await this.page.goto(`/?${query}${yaml === undefined ? "" : `#y=${encodeURIComponent(yaml)}`}`);
    await expect(this.element).toBeVisible();
  }

  /** Waits by the counts of ready pods above the stage: very many pods are no elements. */
  async expectAllReady(count: number, timeout = 60_000): Promise<void> {
    await expect(this.page.locator(".counts > :nth-child(2)")).toContainText(`${count}/${count} `, { timeout });
  }

  get editorText(): Locator {
    return this.page.getByTestId("editor").locator(".cm-content");
  }

  /** Replaces the editor's text by pasting, which is how manifests get there. */
  async paste(yaml: string): Promise<void> {
    await this.editorText.click();
    await this.page.keyboard.press("ControlOrMeta+a");
    await this.editorText.evaluate((content, text) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", text);
      content.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    }, yaml);
  }

  async apply(yaml: string): Promise<void> {
    await this.paste(yaml);
    await this.page.getByTestId("apply").click();
  }

  /** Types a console line (or several, as one input) and gives back what the console says for it. */
  async run(line: string): Promise<string> {
    const output = this.page.getByTestId("console-output");
    const before = (await output.innerText()).length;
    const input = this.page.getByTestId("console-input");
    await input.fill(line);
    await input.press("Enter");
    await expect(input).toHaveValue("");
    await expect.poll(async () => (await output.innerText()).length).toBeGreaterThan(before);
    return (await output.innerText()).slice(before);
  }

  button(name: "play" | "step-forward" | "step-back" | "theme" | "lang" | "apply" | "skip-idle"): Locator {
    return this.page.getByTestId(name);
  }

  get scrubber(): Locator {
    return this.page.getByTestId("scrubber");
  }

  get clock(): Locator {
    return this.page.getByTestId("clock");
  }

  /** Notes what stands on the stage in every frame that shows something new, from now on. */
  async record(): Promise<() => Promise<Card[][]>> {
    await this.page.evaluate(() => {
      const frames: Card[][] = [];
      let last = "";
      const look = () => {
        const cards = [...document.querySelectorAll<HTMLElement>('[data-testid="stage"] [data-pod]')].map((pod) => ({
          name: pod.dataset.pod ?? "",
          uid: pod.id,
          status: (pod.dataset.status ?? "") as Status,
          place:
            pod.closest<HTMLElement>("[data-node]")?.dataset.node ??
            (pod.closest('[data-testid="pending-lane"]') ? "pending" : ""),
        }));
        const now = JSON.stringify(cards);
        if (now !== last) frames.push(cards);
        last = now;
        requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
      (window as unknown as { recorded: Card[][] }).recorded = frames;
    });
    return () => this.page.evaluate(() => (window as unknown as { recorded: Card[][] }).recorded);
  }
}

export const test = base.extend<{ app: App }>({
  page: async ({ page }, use) => {
    const errors: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    page.on("pageerror", (error) => errors.push(error.stack ?? String(error)));
    await use(page);
    expect(errors, "errors in the browser's console").toEqual([]);
  },
  app: async ({ page }, use) => use(new App(page)),
});

export function fixture(name: string): string {
  return readFileSync(join(__dirname, "../fixtures", name), "utf8");
}

/** Fails on accessibility violations that keep somebody out, with what and where. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const grave = violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map((node) => node.target.join(" ")).join("\n  ")}`);
  expect(grave).toEqual([]);
}
