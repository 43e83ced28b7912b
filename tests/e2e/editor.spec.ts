/** The editor bundle by itself, driven through the handle that the page's Rust half uses. */
import type { Page } from "@playwright/test";
import { expect, expectAccessible, fixture, test } from "./fixture";

interface Handle {
  getText(): string;
  setText(text: string): void;
  setDiagnostics(marks: { from: number; to: number; severity: string; message: string }[]): void;
  reveal(from: number, to: number): void;
  setReadonly(readonly: boolean): void;
  focus(): void;
}

declare global {
  interface Window {
    editor: Handle;
    changes: string[];
    applied: number;
  }
}

async function openEditor(page: Page, doc: string, options: { lang?: string; theme?: string } = {}): Promise<void> {
  await page.goto(`/?lang=${options.lang ?? "en"}&theme=${options.theme ?? "light"}`);
  await expect(page.locator("#boot-text")).toHaveCount(0);
  await page.evaluate(
    async ({ doc, lang }) => {
      const loader = window as unknown as { kubeviz: { loadEditor(): Promise<{ create(...args: unknown[]): Handle }> } };
      const { create } = await loader.kubeviz.loadEditor();
      document.body.innerHTML = '<main><h1>Editor</h1><div id="here" style="height: 400px"></div><button>after</button></main>';
      window.changes = [];
      window.applied = 0;
      window.editor = create(document.getElementById("here"), {
        doc,
        lang,
        label: "Manifest",
        onChange: (text: string) => window.changes.push(text),
        onApply: () => window.applied++,
        complete: (text: string, pos: number) => {
          const from = pos - (/\w*$/.exec(text.slice(0, pos))?.[0].length ?? 0);
          return { from, options: [{ label: "replicas", detail: "integer", type: "property" }, { label: "revisionHistoryLimit" }] };
        },
        hover: (_text: string, pos: number) => ({ from: pos, to: pos + 1, text: "What this field means" }),
      });
    },
    { doc, lang: options.lang },
  );
}

const text = (page: Page) => page.evaluate(() => window.editor.getText());

test("typing is reported, setText is not", async ({ page }) => {
  await openEditor(page, "");
  await page.evaluate(() => window.editor.setText("kind: Pod\n"));
  expect(await page.evaluate(() => window.changes)).toEqual([]);
  await page.evaluate(() => window.editor.focus());
  await page.keyboard.press("ControlOrMeta+End");
  await page.keyboard.type("a: 1");
  expect(await text(page)).toBe("kind: Pod\na: 1");
  expect(await page.evaluate(() => window.changes.at(-1))).toBe("kind: Pod\na: 1");
});

test("Ctrl+Enter and Cmd+Enter apply and change nothing", async ({ page }) => {
  await openEditor(page, "kind: Pod");
  await page.evaluate(() => window.editor.focus());
  await page.keyboard.press("Control+Enter");
  expect(await page.evaluate(() => window.applied)).toBe(1);
  expect(await text(page)).toBe("kind: Pod");
});

test("Tab leaves the editor", async ({ page }) => {
  await openEditor(page, "kind: Pod");
  await page.evaluate(() => window.editor.focus());
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "after" })).toBeFocused();
});

test("an error is marked in its line and explained, and marks past the end do no harm", async ({ page }) => {
  await openEditor(page, "kind: Pod\nspecc: {}\n");
  await page.evaluate(() =>
    window.editor.setDiagnostics([
      { from: 10, to: 15, severity: "error", message: 'unknown field "specc"' },
      { from: 900, to: 950, severity: "warning", message: "of an older text" },
    ]),
  );
  await expect(page.locator(".cm-lintRange-error")).toHaveText("specc");
  await page.locator(".cm-lintRange-error").hover();
  await expect(page.getByText('unknown field "specc"')).toBeVisible();
});

test("completions come from the caller and are inserted by Enter", async ({ page }) => {
  await openEditor(page, "spec:\n  rep");
  await page.evaluate(() => window.editor.focus());
  await page.keyboard.press("ControlOrMeta+End");
  await page.keyboard.press("Control+Space");
  await expect(page.getByRole("option", { name: /replicas/ })).toBeVisible();
  await page.waitForTimeout(100); // CodeMirror ignores keys in the first moment of a list, so that typing goes on
  await page.keyboard.press("Enter");
  expect(await text(page)).toBe("spec:\n  replicas");
});

test("what a word means is shown on hover", async ({ page }) => {
  await openEditor(page, "kind: Pod\n");
  await page.getByText("kind").hover();
  await expect(page.getByText("What this field means")).toBeVisible();
});

test("a read-only editor takes the focus and no text", async ({ page }) => {
  await openEditor(page, "kind: Pod");
  await page.evaluate(() => (window.editor.setReadonly(true), window.editor.focus()));
  await page.keyboard.type("x");
  expect(await text(page)).toBe("kind: Pod");
});

test("5 MB can be pasted and typed into without freezing", async ({ page }) => {
  await openEditor(page, "");
  const times = await page.evaluate(async () => {
    const paint = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const timed = async (work: () => void) => {
      const start = performance.now();
      work();
      await paint();
      return performance.now() - start;
    };
    const big = "key: value # 값\n".repeat(330_000);
    const content = document.querySelector(".cm-content")!;
    window.editor.focus();
    const paste = await timed(() => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", big);
      content.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    });
    const reveal = await timed(() => window.editor.reveal(2_000_000, 2_000_010));
    return { paste, reveal, length: window.editor.getText().length };
  });
  expect(times.length).toBe(330_000 * 15);
  const start = Date.now();
  await page.keyboard.type("abc");
  await expect.poll(() => text(page).then((all) => all.includes("abc"))).toBe(true);
  console.log(`5 MB: paste ${times.paste.toFixed(0)} ms, jump ${times.reveal.toFixed(0)} ms, three keys ${Date.now() - start} ms`);
  expect(times.paste).toBeLessThan(2_000);
});

for (const theme of ["light", "dark"]) {
  for (const lang of ["en", "ko"]) {
    test(`the editor is accessible: ${theme}, ${lang}`, async ({ page }) => {
      await openEditor(page, fixture("myapp-deploy.yaml"), { theme, lang });
      await page.evaluate(() => window.editor.setDiagnostics([{ from: 0, to: 5, severity: "warning", message: "a warning" }]));
      await expectAccessible(page);
    });
  }
}

test("on a phone the keys that YAML needs stand under the text", async ({ app, page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await app.open({ lang: "ko" });
  await page.getByRole("button", { name: "YAML" }).click();
  await app.paste("spec:\nreplicas: 3\n");
  await page.keyboard.press("ArrowUp");
  for (const name of ["들여쓰기", "콜론", "실행 취소"]) await page.getByRole("button", { name, exact: true }).click();
  await expect(app.editorText).toHaveText(/spec:\s*replicas: 3/);
  await expect(app.editorText).toBeFocused();
  await page.getByRole("button", { name: "들여쓰기", exact: true }).click();
  expect(await app.editorText.innerText()).toMatch(/^spec:\n {2,4}replicas: 3/);
  await expectAccessible(page);
});
