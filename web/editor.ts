/**
 * The YAML editor: CodeMirror 6 behind a handle small enough to be driven from Rust through the window.
 *
 * Everything that needs to know Kubernetes (errors, completion, hover) is asked of the caller; this file knows
 * only text. Positions are offsets in UTF-16 code units, CodeMirror's and the DOM's own unit.
 *
 * Tab leaves the editor: it is never taken for indentation, so a keyboard user is never caught (WCAG 2.1.2).
 */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, pickedCompletion, snippet, startCompletion } from "@codemirror/autocomplete";
import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit, language as languageFacet } from "@codemirror/language";
import { diagnosticCount, lintGutter, lintKeymap, linter, setDiagnostics } from "@codemirror/lint";
import type { Diagnostic } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, Prec, StateEffect, StateField, Text } from "@codemirror/state";
import type { Extension } from "@codemirror/state";
import {
  Decoration,
  EditorView,
  drawSelection,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  hoverTooltip,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import type { DecorationSet } from "@codemirror/view";
import { phrasesFor } from "./phrases";
import { theme } from "./theme";
import { touchKeys } from "./touch";

/** Past this many UTF-16 units a document is shown as plain text, so that a 5 MB paste stays editable. */
const PLAIN_TEXT_OVER = 1_000_000;
/** Past this many brackets within brackets too: the parser goes down into them by recursion, and the stack ends somewhere. */
const PLAIN_TEXT_DEEPER = 500;
/** How long `onChange` waits in such a document: handing the whole text over takes milliseconds there. */
const BIG_CHANGE_DELAY_MS = 250;

export interface EditorOptions {
  doc: string;
  /** What a screen reader calls the text field. */
  label: string;
  /** Language of the editor's own words: "en" (default) or "ko". */
  lang?: string;
  readonly?: boolean;
  /** Called with the whole text after the user changed it; not for `setText`. */
  onChange?(text: string): void;
  /** Called on Ctrl+Enter and Cmd+Enter. */
  onApply?(): void;
  /** What could stand at `pos`; `from` is where the replaced word begins. Null for nothing. */
  complete?(text: string, pos: number): { from: number; options: CompletionOption[] } | null | undefined;
  /** What to say about the word at `pos`, one thing a line; the first is shown as code. Null for nothing. */
  hover?(text: string, pos: number): { from: number; to: number; text: string } | null | undefined;
  /** Called when the pointer comes over another line, with its first position, or leaves the text (-1). */
  onPoint?(pos: number): void;
}

export interface CompletionOption {
  label: string;
  detail?: string;
  /** CodeMirror's icon names: "property", "enum", "keyword", "text", ... */
  type?: string;
  /** Shown beside the list while the option is selected. */
  info?: string;
  /** Inserted in place of the label; `${}` marks what is to be filled in, the first of them where the caret goes. */
  apply?: string;
  /** Higher stands earlier in the list, from -99 to 99. */
  boost?: number;
}

export interface Mark {
  from: number;
  to: number;
  severity: "error" | "warning" | "info";
  message: string;
  /** Changes that would take the mark away, as buttons beside its message. */
  fixes?: { label: string; from: number; to: number; insert: string }[];
}

export interface EditorHandle {
  getText(): string;
  /** Replaces the whole text as one undoable step, keeping the caret where it can. */
  setText(text: string): void;
  /** Shows another text; one that was shown before under that number, and has not changed since, with its history. */
  open(id: number, text: string): void;
  setDiagnostics(marks: Mark[]): void;
  focus(): void;
  /** Selects a range and scrolls it into view, without taking the focus. */
  reveal(from: number, to: number): void;
  /** Marks the lines of a range; an empty range marks none. */
  light(from: number, to: number): void;
  setReadonly(readonly: boolean): void;
  setLabel(label: string, lang?: string): void;
  destroy(): void;
}

function create(parent: HTMLElement, options: EditorOptions): EditorHandle {
  const language = new Compartment();
  const writable = new Compartment();
  const words = new Compartment();
  let silent = false;
  let pending: ReturnType<typeof setTimeout> | undefined;

  const report = (state: EditorState): void => {
    clearTimeout(pending);
    const send = (): void => options.onChange?.(state.doc.toString());
    if (isBig(state.doc.length)) pending = setTimeout(send, BIG_CHANGE_DELAY_MS);
    else send();
  };

  const states = new Map<number, EditorState>();
  let shown = 0;
  const stateOf = (doc: string): EditorState =>
    EditorState.create({
      doc,
      extensions: [
        Prec.highest(keymap.of([applyKey("Mod-Enter", options), applyKey("Ctrl-Enter", options)])),
        basics(),
        theme,
        language.of(languageFor(Text.of(doc.split("\n")))),
        switchLanguage(language),
        assistance(options),
        writable.of(readonlyState(options.readonly ?? false)),
        words.of(wordsFor(options.label, options.lang)),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !silent) report(update.state);
        }),
        lit,
        pointing(options),
        touchKeys(),
        // Whole files are the page's to open.
        EditorView.domEventHandlers({ drop: (event) => (event.dataTransfer?.files.length ?? 0) > 0 }),
      ],
    });
  const view = new EditorView({ parent, state: stateOf(options.doc) });

  return {
    getText: () => view.state.doc.toString(),
    setText(text) {
      const head = Math.min(view.state.selection.main.head, text.length);
      silent = true;
      try {
        view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, selection: { anchor: head } });
      } finally {
        silent = false;
      }
    },
    open(id, text) {
      states.set(shown, view.state);
      const kept = states.get(id);
      if (id !== shown || view.state.doc.toString() !== text) view.setState(kept?.doc.toString() === text ? kept : stateOf(text));
      shown = id;
    },
    setDiagnostics(marks) {
      if (marks.length + diagnosticCount(view.state) === 0) return;
      view.dispatch(setDiagnostics(view.state, marks.map((mark) => diagnostic(mark, view.state.doc))));
    },
    focus: () => view.focus(),
    reveal(from, to) {
      const [anchor, head] = within(from, to, view.state.doc.length);
      view.dispatch({ selection: { anchor, head }, effects: EditorView.scrollIntoView(anchor, { y: "center" }) });
    },
    light(from, to) {
      view.dispatch({ effects: light.of(within(from, to, view.state.doc.length)) });
    },
    setReadonly: (readonly) => view.dispatch({ effects: writable.reconfigure(readonlyState(readonly)) }),
    setLabel: (label, lang) => view.dispatch({ effects: words.reconfigure(wordsFor(label, lang ?? options.lang)) }),
    destroy() {
      clearTimeout(pending);
      view.destroy();
    },
  };
}

const light = StateEffect.define<[number, number]>();
const litLine = Decoration.line({ class: "cm-lit" });

/** The lines that are marked; an edit moves them along. */
const lit = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    for (const effect of transaction.effects) if (effect.is(light)) return linesOf(transaction.state.doc, ...effect.value);
    return marks.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

function linesOf(doc: Text, from: number, to: number): DecorationSet {
  if (from === to) return Decoration.none;
  const [first, last] = [doc.lineAt(from).number, doc.lineAt(to).number];
  return Decoration.set(Array.from({ length: last - first + 1 }, (_, line) => litLine.range(doc.line(first + line).from)));
}

function pointing({ onPoint }: EditorOptions): Extension {
  let at = -1;
  const point = (pos: number): void => {
    if (pos !== at) onPoint?.((at = pos));
  };
  return EditorView.domEventHandlers({
    mousemove(event, view) {
      const pos = isBig(view.state.doc.length) ? null : view.posAtCoords({ x: event.clientX, y: event.clientY });
      point(pos === null ? -1 : view.state.doc.lineAt(pos).from);
    },
    mouseleave: () => point(-1),
  });
}

function basics(): Extension {
  return [
    lineNumbers(),
    highlightActiveLineGutter(),
    highlightSpecialChars(),
    history(),
    foldGutter(),
    drawSelection(),
    indentUnit.of("  "),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    highlightActiveLine(),
    highlightSelectionMatches(),
    search({ top: true }),
    lintGutter(),
    // The marks come from outside; without this the first of them would set the editor up anew, and close what hovers.
    linter(null),
    keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap]),
  ];
}

function applyKey(key: string, options: EditorOptions) {
  return {
    key,
    run: () => {
      options.onApply?.();
      return true;
    },
  };
}

function assistance(options: EditorOptions): Extension {
  const { complete, hover } = options;
  return [
    complete ? autocompletion({ override: [(context) => completions(context, complete)] }) : [],
    hover
      ? hoverTooltip((view, pos) => {
          if (isBig(view.state.doc.length)) return null;
          const found = hover(view.state.doc.toString(), pos);
          if (!found) return null;
          const [from, to] = within(found.from, found.to, view.state.doc.length);
          return { pos: from, end: to, above: true, create: () => ({ dom: textBox(found.text) }) };
        })
      : [],
  ];
}

function completions(
  context: CompletionContext,
  complete: NonNullable<EditorOptions["complete"]>,
): CompletionResult | null {
  if (isBig(context.state.doc.length)) return null;
  // While typing, offer only after something was typed, or where a value begins; on Ctrl+Space, offer anywhere.
  if (!context.explicit && !context.matchBefore(/[\w./-]+$|[\w"'\]]: $|^\s*- $/)) return null;
  const found = complete(context.state.doc.toString(), context.pos);
  if (!found || found.options.length === 0) return null;
  const from = Math.min(found.from, context.pos);
  const typed = context.state.sliceDoc(from, context.pos);
  // What stands there already is not offered: Enter then begins a new line.
  if (!context.explicit && found.options.some(({ label, type }) => label === typed && type !== "property")) return null;
  const options: Completion[] = found.options.map(({ apply, ...option }) => ({ ...option, apply: apply === undefined ? undefined : inserting(apply) }));
  return { from, options, validFor: (text) => /^[\w./-]*$/.test(text) && !found.options.some(({ label }) => label === text) };
}

/** Puts in what was chosen, with places to fill in, and goes on to what fits into the first of them. */
function inserting(template: string): Exclude<Completion["apply"], string | undefined> {
  // A place in the middle gets the caret by itself; the last one is a caret and no field.
  const last = template.indexOf("${}") === template.length - 3;
  return (view, completion, from, to) => {
    if (last || !template.includes("${}")) {
      const base = /^\s*/.exec(view.state.doc.lineAt(from).text)![0];
      const insert = template.replace("${}", "").replace(/\n/g, `\n${base}`);
      view.dispatch({
        changes: { from, to, insert },
        selection: { anchor: from + insert.length },
        annotations: pickedCompletion.of(completion),
        userEvent: "input.complete",
        scrollIntoView: true,
      });
    } else {
      snippet(template)(view, completion, from, to);
    }
    if (completion.type === "property" || completion.type === "class") setTimeout(() => startCompletion(view));
  };
}

/** Colours for YAML, or none where colouring would cost more than it tells. */
function languageFor(doc: Text): Extension {
  return isPlain(doc) ? [] : yaml();
}

/**
 * Takes the colours away in the very change that crosses a limit, and gives them back after the one that comes back: a state with
 * new extensions is first made with the old text, which would be parsed although it is past the limit.
 */
function switchLanguage(language: Compartment): Extension {
  const coloured = (state: EditorState): boolean => state.facet(languageFacet) !== null;
  return [
    EditorState.transactionExtender.of((tr) =>
      tr.docChanged && coloured(tr.startState) && isPlain(tr.newDoc) ? { effects: language.reconfigure([]) } : null,
    ),
    EditorView.updateListener.of(({ docChanged, state, view }) => {
      if (!docChanged || coloured(state) || isPlain(state.doc)) return;
      queueMicrotask(() => {
        if (!coloured(view.state) && !isPlain(view.state.doc)) view.dispatch({ effects: language.reconfigure(yaml()) });
      });
    }),
  ];
}

function isPlain(doc: Text): boolean {
  if (isBig(doc.length)) return true;
  let depth = 0;
  for (const part of doc.iter()) {
    for (const letter of part) {
      if (letter === "[" || letter === "{") depth += 1;
      else if ((letter === "]" || letter === "}") && depth > 0) depth -= 1;
      if (depth > PLAIN_TEXT_DEEPER) return true;
    }
  }
  return false;
}

function isBig(length: number): boolean {
  return length > PLAIN_TEXT_OVER;
}

/** A read-only editor can still be focused, scrolled and copied from by keyboard. */
function readonlyState(readonly: boolean): Extension {
  return EditorState.readOnly.of(readonly);
}

function wordsFor(label: string, lang: string | undefined): Extension {
  return [
    EditorState.phrases.of(phrasesFor(lang)),
    EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0", spellcheck: "false", autocapitalize: "off", autocorrect: "off" }),
  ];
}

/** CodeMirror refuses positions outside the document, and a mark may be of a text that has since been edited. */
function diagnostic(mark: Mark, doc: Text): Diagnostic {
  const [from, to] = within(mark.from, mark.to, doc.length);
  const actions = mark.fixes?.map(({ label, insert, ...at }) => ({
    name: label,
    apply: (view: EditorView): void => {
      // The places are those of the text that was looked at.
      if (view.state.doc !== doc) return;
      const [start, end] = within(at.from, at.to, doc.length);
      view.dispatch({ changes: { from: start, to: end, insert }, userEvent: "input.fix" });
      view.focus();
    },
  }));
  return { from, to, severity: mark.severity, message: mark.message, ...(actions && { actions }) };
}

function within(from: number, to: number, length: number): [number, number] {
  const start = Math.max(0, Math.min(from, length));
  return [start, Math.max(start, Math.min(to, length))];
}

/** The first line is what the word is, the others are what there is to say of it. */
function textBox(text: string): HTMLElement {
  const box = document.createElement("div");
  box.className = "cm-hover-text";
  const [first = "", ...rest] = text.split("\n");
  const head = document.createElement("code");
  head.textContent = first;
  box.append(head, ...(rest.length > 0 ? [`\n${rest.join("\n")}`] : []));
  return box;
}

declare global {
  interface Window {
    kubevizEditor?: { create: typeof create };
  }
}

window.kubevizEditor = { create };
