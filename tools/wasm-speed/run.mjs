// Holds the scheduling benchmark compiled to WebAssembly against the native one, workload by workload:
//   node run.mjs MODULE.wasm KUBEVIZ [NODES [PODS]]
// `./kubeviz bench wasm` builds both and calls it. CPU time counts, and of ten runs the best: by then the engine has compiled
// the module in earnest.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const WORKLOADS = ["basic", "affinity", "podaffinity", "antiaffinity", "spread", "softspread", "preempt", "unschedulable"];
const ROUNDS = 10;

const [modulePath, native, nodes = "5000", pods = "20000"] = process.argv.slice(2);
const compiled = new WebAssembly.Module(readFileSync(modulePath));

const best = (measure) => Math.min(...Array.from({ length: ROUNDS }, measure));

function wasmMicros(place) {
  const { exports } = new WebAssembly.Instance(compiled, {});
  return best(() => {
    if (!exports.prepare(place, Number(nodes), Number(pods))) throw new Error(`there is no workload ${place}`);
    const start = process.cpuUsage();
    exports.run();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / Number(pods);
  });
}

function nativeMicros(word) {
  return best(() => {
    const text = execFileSync(native, ["bench", "schedule", "--nodes", nodes, "--pods", pods, "--workload", word]);
    return Number(/([\d.]+) us per pod/.exec(text)[1]);
  });
}

console.log(`${nodes} nodes, ${pods} pods; microseconds per pod\n${"workload".padEnd(16)}native    wasm   ratio`);
WORKLOADS.forEach((word, place) => {
  const [here, there] = [nativeMicros(word), wasmMicros(place)];
  const cells = [here.toFixed(1), there.toFixed(1), (there / here).toFixed(2)];
  console.log(word.padEnd(14) + cells.map((cell) => cell.padStart(8)).join(""));
});
