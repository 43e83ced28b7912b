/** What YAML needs most and a phone's keyboard hides: a row of keys under the text, which leaves the focus where it is. */
import { indentLess, indentMore, redo, undo } from "@codemirror/commands";
import type { Extension } from "@codemirror/state";
import { showPanel } from "@codemirror/view";
import type { EditorView, Panel } from "@codemirror/view";

type Key = [shown: string, words: string, press: (view: EditorView) => unknown];

const insert = (text: string) => (view: EditorView): void =>
  view.dispatch(view.state.replaceSelection(text), { scrollIntoView: true, userEvent: "input.type" });

const KEYS: Key[] = [
  ["⇤", "Indent less", indentLess],
  ["⇥", "Indent more", indentMore],
  [":", "Colon", insert(": ")],
  ["-", "Dash", insert("- ")],
  ['"', "Quote", insert('"')],
  ["↶", "Undo", undo],
  ["↷", "Redo", redo],
];

export function touchKeys(): Extension {
  return showPanel.of((view): Panel => {
    const dom = document.createElement("div");
    dom.className = "cm-keys";
    const name: (() => void)[] = [];
    for (const [shown, words, press] of KEYS) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = shown;
      // Taking the focus would put the phone's keyboard away.
      button.onpointerdown = (event) => event.preventDefault();
      button.onclick = () => void press(view);
      name.push(() => (button.ariaLabel = view.state.phrase(words)));
      dom.append(button);
    }
    const nameAll = (): void => name.forEach((one) => one());
    nameAll();
    return {
      dom,
      update: (update) => {
        if (update.transactions.some((transaction) => transaction.reconfigured)) nameAll();
      },
    };
  });
}
