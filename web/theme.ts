/**
 * The editor's looks, all through the page's CSS variables (static/css/tokens.css): changing the theme of the
 * page changes the editor without a word to it.
 */
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const looks = EditorView.theme({
  "&": { height: "100%", color: "var(--ink)", backgroundColor: "var(--surface)", fontSize: "var(--editor-size, 13px)" },
  "&.cm-focused": { outline: "2px solid var(--focus)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "1.55", overflow: "auto" },
  ".cm-content": { caretColor: "var(--ink)", padding: "8px 0" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground, ::selection": {
    backgroundColor: "var(--selection)",
  },
  ".cm-gutters": { color: "var(--ink-3)", backgroundColor: "var(--surface)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine": { backgroundColor: "var(--active-line)" },
  ".cm-lit": { backgroundColor: "var(--surface-2)", boxShadow: "inset 3px 0 0 var(--accent)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--surface-2)", color: "var(--ink)" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--surface-2)", outline: "1px solid var(--line-strong)" },
  ".cm-selectionMatch": { backgroundColor: "var(--surface-2)" },
  ".cm-searchMatch": { backgroundColor: "var(--search-match)" },
  ".cm-foldPlaceholder": { color: "var(--ink-2)", backgroundColor: "var(--surface-2)", border: "1px solid var(--line)" },
  ".cm-panels": { color: "var(--ink)", backgroundColor: "var(--surface-2)" },
  ".cm-panels-top": { borderBottom: "1px solid var(--line)" },
  ".cm-panels-bottom": { borderTop: "1px solid var(--line)" },
  ".cm-textfield": { color: "var(--ink)", backgroundColor: "var(--surface)", border: "1px solid var(--line-strong)" },
  ".cm-button": { color: "var(--ink)", background: "var(--surface)", border: "1px solid var(--line-strong)" },
  ".cm-tooltip": {
    color: "var(--ink)",
    backgroundColor: "var(--surface)",
    border: "1px solid var(--line-strong)",
    borderRadius: "var(--r-1)",
    boxShadow: "var(--shadow-2)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--font-mono)", maxWidth: "min(480px, 90vw)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { color: "var(--on-accent)", background: "var(--accent)" },
  ".cm-completionDetail": { color: "inherit", fontStyle: "normal", marginLeft: "1em" },
  ".cm-hover-text": { padding: "6px 10px", maxWidth: "min(420px, 90vw)", whiteSpace: "pre-wrap", fontFamily: "var(--font-sans)" },
  ".cm-diagnostic": { fontFamily: "var(--font-sans)" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--st-fail)" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--st-wait)" },
  ".cm-diagnostic-info": { borderLeftColor: "var(--st-progress)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--st-fail) 1px" },
  ".cm-lintRange-warning": { backgroundImage: "none", textDecoration: "underline wavy var(--st-wait) 1px" },
  ".cm-lintRange-info": { backgroundImage: "none", textDecoration: "underline dotted var(--st-progress) 1px" },
});

const colours = HighlightStyle.define([
  { tag: [tags.definition(tags.propertyName), tags.propertyName], color: "var(--syn-key)" },
  { tag: [tags.string, tags.special(tags.string), tags.content], color: "var(--syn-string)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--syn-comment)" },
  { tag: [tags.labelName, tags.typeName, tags.keyword, tags.attributeValue], color: "var(--syn-mark)" },
  { tag: [tags.meta, tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: "var(--ink-2)" },
  { tag: tags.invalid, color: "var(--ink)", textDecoration: "underline wavy var(--st-fail) 1px" },
]);

export const theme = [looks, syntaxHighlighting(colours)];
