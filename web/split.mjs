// Splits the page's module in two: what the first picture runs, and the rest, which is fetched behind it.
//
// The first module keeps every function's number. A function of the rest is a trampoline there, which calls through a slot of
// the function table; the rest, when it is instantiated, fills the slots, and until then an empty one makes the trampoline
// call what fetches it (`loadRest` in index.html). So nothing in the program knows of the split, and a choice of functions
// that is wrong costs time, never correctness. The constants that only the rest can reach go with it (`data.mjs`).
import { dataSection, withinReach } from "./data.mjs";
import { KIND, Reader, SECTION, list, module, name, number, parse, signed, skipLocals, walk } from "./wasm.mjs";

/** The import that is called, with a number other than 0, when the rest is wanted and not there yet. */
const HOOK = /^__wbg_loadRest_/;
/** The module's function table; the other table holds JavaScript's values. */
const FUNCREF = 0x70;

/** The number of the import that loads the rest. */
function hook(parsed) {
  const index = parsed.imports.findIndex((one) => HOOK.test(one.name));
  if (index < 0) throw new Error("the module does not import what loads the rest");
  return index;
}

function functionTable(parsed) {
  return parsed.tables.findIndex((table) => table.type === FUNCREF);
}

/** A code section of these bodies. */
function code(bodies) {
  return Buffer.concat([Buffer.from(number(bodies.length)), ...bodies.flatMap((body) => [Buffer.from(number(body.length)), Buffer.from(body)])]);
}

/** The module with a call of the hook, with the function's number, at the beginning of every function. */
export function instrument(bytes) {
  const parsed = parse(bytes);
  const load = hook(parsed);
  const bodies = parsed.bodies.map((body, place) => {
    const reader = new Reader(body);
    skipLocals(reader);
    const call = [0x41, ...signed(parsed.importedFunctions + place), 0x10, ...number(load)];
    return Buffer.concat([body.subarray(0, reader.at), Buffer.from(call), body.subarray(reader.at)]);
  });
  return module(parsed.sections.map(([id, body]) => [id, id === SECTION.code ? code(bodies) : body]));
}

/**
 * `{ first, rest }`: the module without the functions for which `later(name)` holds, and a module of those. `placed` tells
 * what the program's data consists of.
 */
export function split(bytes, later, placed) {
  const parsed = parse(bytes);
  const named = parsed.bodies.map((_, place) => parsed.importedFunctions + place).filter((index) => later(parsed.names.get(index) ?? ""));
  const moved = withoutSmallCallees(parsed, named);
  const table = functionTable(parsed);
  const slots = new Map(moved.map((index, place) => [index, parsed.tables[table].limits.min + place]));
  const needed = new Set();
  const data = withinReach(parsed, parsed.bodies.filter((_, place) => !slots.has(parsed.importedFunctions + place)), placed);
  const rest = restModule(parsed, moved, slots, table, needed, data.later);
  return { first: firstModule(parsed, slots, table, needed, data.now), rest };
}

/** A function of so many bytes is little more than its trampoline. */
const SMALL = 40;

/**
 * Leaves small functions that the first module calls where they are. Equal functions are folded into one under any of their
 * names, which differs from build to build, and nearly all of them are small.
 */
function withoutSmallCallees(parsed, named) {
  const moved = new Set(named);
  const body = (index) => parsed.bodies[index - parsed.importedFunctions];
  const open = parsed.bodies.map((_, place) => parsed.importedFunctions + place).filter((index) => !moved.has(index));
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    for (const call of callsOf(body(index))) {
      if (moved.has(call.index) && body(call.index).length <= SMALL) {
        moved.delete(call.index);
        open.push(call.index);
      }
    }
  }
  return named.filter((index) => moved.has(index));
}

/** The functions that the first module itself can reach: by a call, through the table, or as an export. */
function referenced(parsed, slots) {
  const found = new Set(parsed.exports.filter((entry) => entry.kind === KIND.function).map((entry) => entry.index));
  parsed.bodies.forEach((body, place) => {
    if (!slots.has(parsed.importedFunctions + place)) callsOf(body).forEach(({ index }) => found.add(index));
  });
  parsed.elements.forEach((index) => found.add(index));
  return found;
}

/** What stands in a moved function's place: a call of its type's way to the rest, with its slot. */
function trampoline(parsed, index, slot, way) {
  return [0, ...parameters(parsed, parsed.functions[index]), 0x41, ...signed(slot), 0x10, ...number(way), 0x0b];
}

/** In the place of a function that only the rest calls. */
const UNREACHED = [0, 0x00, 0x0b];

function parameters(parsed, type) {
  return Array.from({ length: parsed.types[type].parameters.length }, (_, local) => [0x20, ...number(local)]).flat();
}

/** The way to the rest for the functions of one type: calls through a slot; when nothing is in it, first lets the hook fill it. */
function way(parsed, type, table, load) {
  const slot = [0x20, ...number(parsed.types[type].parameters.length)];
  const fill = [...slot, 0x25, ...number(table), 0xd1, 0x04, 0x40, ...slot, 0x10, ...number(load), 0x0b];
  return [0, ...fill, ...parameters(parsed, type), ...slot, 0x11, ...number(type), ...number(table), 0x0b];
}

function firstModule(parsed, slots, table, needed, data) {
  const load = hook(parsed);
  const reached = referenced(parsed, slots);
  const types = [...new Set([...slots.keys()].filter((index) => reached.has(index)).map((index) => parsed.functions[index]))];
  const ways = new Map(types.map((type, place) => [type, parsed.functions.length + place]));
  const bodies = parsed.bodies.map((body, place) => {
    const index = parsed.importedFunctions + place;
    if (!slots.has(index)) return body;
    return reached.has(index) ? trampoline(parsed, index, slots.get(index), ways.get(parsed.functions[index])) : UNREACHED;
  });
  const tables = parsed.tables.map(({ type, limits }, place) => {
    const more = place === table ? slots.size : 0;
    const max = limits.max === undefined ? [] : number(limits.max + more);
    return [type, limits.flags, ...number(limits.min + more), ...max];
  });
  const one = (prefix, kind) => (_, index) => [...name(`${prefix}${index}`), kind, ...number(index)];
  const exports = [
    ...parsed.exports.map((entry) => [...name(entry.name), entry.kind, ...number(entry.index)]),
    ...[...needed].map((index) => [...name(`f${index.toString(36)}`), KIND.function, ...number(index)]),
    ...parsed.tables.map(one("t", KIND.table)),
    ...parsed.memories.map(one("m", KIND.memory)),
    ...parsed.globals.map(one("g", KIND.global)),
  ];
  const wayTypes = types.map((_, place) => number(parsed.types.length + place));
  const written = {
    [SECTION.type]: list([...parsed.types.map((type) => type.bytes), ...types.map((type) => withSlot(parsed.types[type]))]),
    [SECTION.function]: list([...parsed.functions.slice(parsed.importedFunctions).map(number), ...wayTypes]),
    [SECTION.table]: list(tables),
    [SECTION.export]: list(exports),
    [SECTION.code]: code([...bodies, ...types.map((type) => way(parsed, type, table, load))]),
    [SECTION.data]: dataSection(data),
  };
  const left = (id) => id !== SECTION.custom && id !== SECTION.dataCount;
  return module(parsed.sections.filter(([id]) => left(id)).map(([id, body]) => [id, written[id] ?? body]));
}

/** The type with a slot's number behind its parameters. */
function withSlot({ parameters, results }) {
  return [0x60, ...list([...parameters, 0x7f].map((one) => [one])), ...list(results.map((one) => [one]))];
}

/** `needed` gets the numbers of the first module's functions that these call. */
function restModule(parsed, moved, slots, table, needed, data) {
  const own = new Set(moved);
  const calls = moved.map((index) => callsOf(parsed.bodies[index - parsed.importedFunctions]));
  calls.flat().forEach(({ index }) => own.has(index) || needed.add(index));
  const numbers = new Map([...needed, ...moved].map((index, place) => [index, place]));
  const bodies = moved.map((index, place) => renumber(parsed.bodies[index - parsed.importedFunctions], calls[place], numbers));
  const limits = ({ flags, min, max }, more) => [flags, ...number(min + more), ...(max === undefined ? [] : number(max + more))];
  const from = (label, kind, type) => [...name("first"), ...name(label), kind, ...type];
  const imports = [
    ...[...needed].map((index) => from(`f${index.toString(36)}`, KIND.function, number(parsed.functions[index]))),
    ...parsed.tables.map(({ type, limits: of }, index) => from(`t${index}`, KIND.table, [type, ...limits(of, index === table ? slots.size : 0)])),
    ...parsed.memories.map((of, index) => from(`m${index}`, KIND.memory, limits(of, 0))),
    ...parsed.globals.map(({ type, mutable }, index) => from(`g${index}`, KIND.global, [type, mutable])),
  ];
  const start = [0x41, ...signed(parsed.tables[table].limits.min), 0x0b];
  const elements = [table === 0 ? [0, ...start] : [2, ...number(table), ...start, 0], list(moved.map((index) => number(numbers.get(index))))].flat();
  return module([
    [SECTION.type, list(parsed.types.map((type) => type.bytes))],
    [SECTION.import, list(imports)],
    [SECTION.function, list(moved.map((index) => number(parsed.functions[index])))],
    [SECTION.element, [1, ...elements]],
    [SECTION.code, code(bodies)],
    [SECTION.data, dataSection(data)],
  ]);
}

function callsOf(body) {
  const reader = new Reader(body);
  skipLocals(reader);
  const calls = [];
  walk(reader, (from, to, index) => calls.push({ from, to, index }));
  return calls;
}

function renumber(body, calls, numbers) {
  const parts = [];
  let at = 0;
  for (const { from, to, index } of calls) {
    parts.push(body.subarray(at, from), Buffer.from(number(numbers.get(index))));
    at = to;
  }
  return Buffer.concat([...parts, body.subarray(at)]);
}
