/** A task of the page's own thread that takes longer than this many milliseconds is felt. */
export const BLOCK_MS = 50;

/**
 * What the page's own thread did, from a trace of Chromium with the category "toplevel".
 * @param {Buffer} trace
 * @returns {{ name: string, ph: string, pid: number, tid: number, dur: number, tdur?: number }[]}
 */
export function ownThread(trace) {
  const { traceEvents } = JSON.parse(trace.toString());
  const main = traceEvents.find((event) => event.name === "thread_name" && event.args.name === "CrRendererMain");
  return traceEvents.filter((event) => event.ph === "X" && event.pid === main.pid && event.tid === main.tid);
}

/**
 * How many tasks were felt, and the longest: by the clock, and by the processor time of the thread, which other work on the
 * machine disturbs less.
 * @param {ReturnType<typeof ownThread>} own
 */
export function blocks(own) {
  const tasks = own.filter((event) => /RunTask$/.test(event.name));
  const by = (of) => {
    const times = tasks.map((event) => (event[of] ?? 0) / 1_000);
    return `${times.filter((ms) => ms > BLOCK_MS).length}, longest ${Math.max(0, ...times).toFixed(0)}`;
  };
  return `tasks over ${BLOCK_MS} ms: by the clock ${by("dur")}; of processor time ${by("tdur")}`;
}
