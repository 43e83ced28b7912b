// Which of the program's constants the first half can reach. The others go with the rest, whose data the browser puts
// into the same memory when it instantiates the rest.
//
// Unlike a wrong choice of functions, a constant that is missing would be read as zeros. So nothing is guessed here: the
// linker says where each constant is and which address in the code means which (`--emit-relocs` in .cargo/config.toml;
// https://github.com/WebAssembly/tool-conventions/blob/main/Linking.md), and an address that the optimiser has made
// up from others keeps everything near it.
import { Reader, SECTION, module, number, parse, signed, skipLocals, walk } from "./wasm.mjs";

/** The segment of what nothing ever writes to. */
const CONSTANTS = ".rodata";
/** How far from a made-up address its constant may be. The optimiser adds an offset within an object to an address, or takes one off. */
const NEAR = 256;
/** Parts of memory that lie so close together are written as one: a segment of its own takes as many bytes. */
const SEAM = 8;

const LINKING = { segments: 5, symbols: 8 };
const SYMBOL = { data: 1, section: 3, undefined: 0x10, named: 0x40 };
/** The kinds of relocation that stand for an address in memory: in code (signed or not) and in data. */
const ADDRESS = new Set([3, 4, 5]);
const WITH_ADDEND = new Set([...ADDRESS, 8, 9, 22]);

/**
 * What the linker placed where, read from a module that wasm-opt has not had yet: `{ constants, meant }`, the constants as
 * `{ at, end }` in the order of their addresses, and for each address in code or data the constants that it means.
 */
export function placement(bytes) {
  const parsed = parse(bytes);
  const linking = parsed.customs.get("linking");
  if (!linking) throw new Error("the module does not tell what the linker placed where: it was linked without --emit-relocs");
  const symbols = readSymbols(parsed, new Reader(linking));
  const constants = apart(symbols);
  const meant = new Map();
  for (const { symbol, addend } of ["reloc.CODE", "reloc.DATA"].flatMap((section) => readRelocations(parsed.customs.get(section)))) {
    const one = symbols[symbol];
    if (one) meant.set(one.at + addend, (meant.get(one.at + addend) ?? new Set()).add(find(constants, one.at)));
  }
  return { constants, meant };
}

/** The module without what `placement` reads: of a changed module it would not be true. */
export function withoutPlacement(bytes) {
  const of = (name) => name === "linking" || name.startsWith("reloc.");
  return module(parse(bytes).sections.filter(([id, body]) => id !== SECTION.custom || !of(new Reader(body).name())));
}

/** `{ now, later }`: what is in memory from the start, and what only other functions than these can reach. */
export function withinReach(parsed, bodies, { constants, meant }) {
  const memory = image(parsed.data);
  const kept = new Set();
  const open = outside(constants, memory.length);
  const always = [...open];
  const keep = (one) => {
    if (!one || kept.has(one)) return;
    kept.add(one);
    open.push(one);
  };
  const follow = (address) => meant.get(address)?.forEach(keep);
  const followCode = (address, wide) => {
    if (meant.has(address)) follow(address);
    // A span of time in microseconds, not half of two addresses: 1.5 s lay within the constants, and had them all kept.
    else if (wide !== undefined && wide < 1n << 32n && wide % 1000n === 0n) return;
    else if (find(constants, address)) nearby(constants, address, NEAR).forEach(keep);
  };
  for (const body of bodies) constantsOf(body, followCode);
  while (open.length > 0) {
    const { at, end } = open.pop();
    // The optimiser makes up no address in data: what the linker does not know there is a number.
    for (let word = Math.ceil(at / 4) * 4; word + 4 <= end; word += 4) follow(memory.readUInt32LE(word));
  }
  const later = constants.filter((one) => !kept.has(one));
  return { now: segments([...always, ...kept], memory), later: segments(later, memory) };
}

/** A data section of these. */
export function dataSection(parts) {
  const heads = parts.map(({ at, bytes }) => Buffer.from([0, 0x41, ...signed(at), 0x0b, ...number(bytes.length)]));
  return Buffer.concat([Buffer.from(number(parts.length)), ...parts.flatMap(({ bytes }, place) => [heads[place], bytes])]);
}

/** The constants among the linker's symbols, by the symbols' numbers: `{ at, end }`. */
function readSymbols(parsed, reader) {
  if (reader.number() !== 2) throw new Error("a linking section of another version");
  const parts = new Map();
  while (reader.at < reader.bytes.length) parts.set(reader.byte(), new Reader(reader.take(reader.number())));
  const names = parts.get(LINKING.segments).list((r) => ({ name: r.name(), alignment: r.number(), flags: r.number() }).name);
  return parts.get(LINKING.symbols).list((r) => {
    const kind = r.byte();
    const flags = r.number();
    const defined = !(flags & SYMBOL.undefined);
    if (kind === SYMBOL.section) return void r.number();
    if (kind !== SYMBOL.data) {
      r.number();
      if (defined || flags & SYMBOL.named) r.name();
      return undefined;
    }
    r.name();
    if (!defined) return undefined;
    const [segment, offset, size] = [r.number(), r.number(), r.number()];
    const at = parsed.data[segment].at + offset;
    return names[segment] === CONSTANTS && size > 0 ? { at, end: at + size } : undefined;
  });
}

/** The symbols that relocations mean: `{ symbol, addend }`. */
function readRelocations(bytes) {
  const reader = new Reader(bytes);
  reader.number(); // the section's number
  return reader
    .list((r) => {
      const type = r.byte();
      r.number(); // the place in the section
      const symbol = r.number();
      return { type, symbol, addend: WITH_ADDEND.has(type) ? r.signed() : 0 };
    })
    .filter(({ type }) => ADDRESS.has(type));
}

/** In the order of their addresses, and as one where they overlap. */
function apart(symbols) {
  const sorted = symbols.filter(Boolean).sort((a, b) => a.at - b.at);
  const found = [];
  for (const { at, end } of sorted) {
    const last = found.at(-1);
    if (last && at < last.end) last.end = Math.max(last.end, end);
    else found.push({ at, end });
  }
  return found;
}

/** The number of the last constant that does not begin behind an address. */
function place(constants, address) {
  let [from, to] = [0, constants.length];
  while (to - from > 1) {
    const middle = (from + to) >> 1;
    if (constants[middle].at <= address) from = middle;
    else to = middle;
  }
  return from;
}

/** The constant that an address lies in. */
function find(constants, address) {
  const one = constants[place(constants, address)];
  return one && one.at <= address && address < one.end ? one : undefined;
}

/** The constants of which something is at most so far from an address. */
function nearby(constants, address, near) {
  return constants.slice(place(constants, address - near), place(constants, address + near) + 1);
}

/** What is in memory when the module starts, from address 0 on. */
function image(data) {
  const memory = Buffer.alloc(Math.max(...data.map(({ at, bytes }) => at + bytes.length)));
  for (const { at, bytes } of data) memory.set(bytes, at);
  return memory;
}

/** All memory up to `end` that is no constant. */
function outside(constants, end) {
  const starts = [0, ...constants.map((one) => one.end)];
  const ends = [...constants.map((one) => one.at), end];
  return starts.map((at, place) => ({ at, end: ends[place] })).filter((one) => one.at < one.end);
}

/** The parts of memory as segments, without the zeros, which are there anyway. */
function segments(parts, memory) {
  const found = [];
  for (const { at, end } of parts.sort((a, b) => a.at - b.at)) {
    for (let from = at; from < end; ) {
      while (from < end && memory[from] === 0) from += 1;
      let to = from;
      for (let zeros = 0; to < end && zeros <= SEAM; to += 1) zeros = memory[to] === 0 ? zeros + 1 : 0;
      while (to > from && memory[to - 1] === 0) to -= 1;
      const last = found.at(-1);
      if (last && from < to && from - last.end <= SEAM) last.end = to;
      else if (from < to) found.push({ at: from, end: to });
      from = Math.max(to, from + 1);
    }
  }
  return found.map(({ at, end }) => ({ at, bytes: memory.subarray(at, end) }));
}

function constantsOf(body, constant) {
  const reader = new Reader(body);
  skipLocals(reader);
  walk(reader, () => {}, constant);
}
