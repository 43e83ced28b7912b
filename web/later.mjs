// Which functions the first picture does without. later.txt names them by marks, as their names would be a megabyte.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { stableName } from "./wasm.mjs";

/** Long enough that two of some ten thousand functions hardly ever have the same. */
const MARK_LETTERS = 10;

export function mark(name) {
  return createHash("sha256").update(stableName(name)).digest("base64url").slice(0, MARK_LETTERS);
}

/**
 * Whether the first picture is known to do without the function of this name. What is new since the recording is not: it is loaded
 * with the first half, which costs bytes until the next recording, where the wrong guess would cost a wait.
 */
export function recorded() {
  const later = new Set(readFileSync(new URL("later.txt", import.meta.url), "utf8").split("\n"));
  return (name) => later.has(mark(name));
}
