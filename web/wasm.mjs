// Reads and writes the parts of a WebAssembly module that splitting it needs: its sections, what each function calls,
// and its functions' names. The binary format is https://webassembly.github.io/spec/core/binary/.

export const SECTION = { custom: 0, type: 1, import: 2, function: 3, table: 4, memory: 5, global: 6, export: 7, element: 9, code: 10, data: 11, dataCount: 12 };
export const KIND = { function: 0, table: 1, memory: 2, global: 3, tag: 4 };

/** A place in a module's bytes that moves on as it reads. */
export class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }
  byte() {
    return this.bytes[this.at++];
  }
  /** An unsigned LEB128 number of up to 32 bits. */
  number() {
    let result = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      result |= (byte & 0x7f) << shift;
      if (byte < 0x80) return result >>> 0;
    }
  }
  /** A signed LEB128 number of up to 32 bits. */
  signed() {
    let result = 0;
    for (let shift = 0; ; ) {
      const byte = this.byte();
      result |= (byte & 0x7f) << shift;
      shift += 7;
      if (byte < 0x80) return shift < 32 && byte & 0x40 ? result | (-1 << shift) : result;
    }
  }
  /** The bits of a signed LEB128 number of 64 bits. */
  bits64() {
    let result = 0n;
    for (let shift = 0n; ; ) {
      const byte = this.byte();
      result |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if (byte < 0x80) return BigInt.asUintN(64, byte & 0x40 ? result | (-1n << shift) : result);
    }
  }
  /** Any LEB128 number, whatever its width and sign. */
  skipNumber() {
    while (this.byte() >= 0x80);
  }
  take(length) {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
  name() {
    return Buffer.from(this.take(this.number())).toString();
  }
  list(read) {
    return Array.from({ length: this.number() }, () => read(this));
  }
}

/** An unsigned LEB128 number. */
export function number(value) {
  const bytes = [];
  do {
    bytes.push((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    value >>>= 7;
  } while (value > 0);
  return bytes;
}

/** A signed LEB128 number: what `i32.const` takes. */
export function signed(value) {
  const bytes = [];
  for (;;) {
    const byte = value & 0x7f;
    value >>= 7;
    const last = (value === 0 && !(byte & 0x40)) || (value === -1 && byte & 0x40);
    bytes.push(last ? byte : byte | 0x80);
    if (last) return bytes;
  }
}

export const name = (text) => [...number(Buffer.byteLength(text)), ...Buffer.from(text)];
export const list = (items) => [...number(items.length), ...items.flat()];

/** A whole module from its sections, given as `[id, bytes]`. */
export function module(sections) {
  const parts = [Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])];
  for (const [id, body] of sections) parts.push(Buffer.from([id, ...number(body.length)]), Buffer.from(body));
  return Buffer.concat(parts);
}

/** Takes a module apart, as far as it is needed here. */
export function parse(bytes) {
  const reader = new Reader(bytes, 8);
  const parsed = { sections: [], imports: [], functions: [], globals: [], tables: [], memories: [], exports: [], elements: [], bodies: [], data: [], customs: new Map(), names: new Map() };
  while (reader.at < bytes.length) {
    const id = reader.byte();
    const body = reader.take(reader.number());
    parsed.sections.push([id, body]);
    readSection(parsed, id, new Reader(body));
  }
  const imported = (kind) => parsed.imports.filter((one) => one.kind === kind);
  parsed.importedFunctions = imported(KIND.function).length;
  parsed.functions = [...imported(KIND.function).map((one) => one.type), ...parsed.functions];
  return parsed;
}

function readSection(parsed, id, reader) {
  switch (id) {
    case SECTION.type:
      parsed.types = reader.list(readType);
      break;
    case SECTION.import:
      parsed.imports = reader.list(readImport);
      break;
    case SECTION.function:
      parsed.functions = reader.list((r) => r.number());
      break;
    case SECTION.table:
      parsed.tables = reader.list(readTable);
      break;
    case SECTION.memory:
      parsed.memories = reader.list(readLimits);
      break;
    case SECTION.global:
      parsed.globals = reader.list(readGlobal);
      break;
    case SECTION.export:
      parsed.exports = reader.list((r) => ({ name: r.name(), kind: r.byte(), index: r.number() }));
      break;
    case SECTION.element:
      parsed.elements = reader.list(readElements).flat();
      break;
    case SECTION.code:
      parsed.bodies = reader.list((r) => r.take(r.number()));
      break;
    case SECTION.data:
      parsed.data = reader.list(readData);
      break;
    case SECTION.custom: {
      const called = reader.name();
      parsed.customs.set(called, reader.bytes.subarray(reader.at));
      if (called === "name") readNames(parsed.names, reader);
      break;
    }
  }
}

/** A function's type: its parameters, its results, and its bytes. */
function readType(reader) {
  const from = reader.at;
  if (reader.byte() !== 0x60) throw new Error("a type that is no function's");
  const parameters = reader.list((r) => r.byte());
  const results = reader.list((r) => r.byte());
  return { parameters, results, bytes: [...reader.bytes.subarray(from, reader.at)] };
}

function readImport(reader) {
  const one = { module: reader.name(), name: reader.name(), kind: reader.byte() };
  if (one.kind !== KIND.function) throw new Error(`an import that is no function: ${one.name}`);
  return { ...one, type: reader.number() };
}

function readLimits(reader) {
  const flags = reader.byte();
  const min = reader.number();
  return { flags, min, max: flags & 1 ? reader.number() : undefined };
}

function readTable(reader) {
  return { type: reader.byte(), limits: readLimits(reader) };
}

function readGlobal(reader) {
  const global = { type: reader.byte(), mutable: reader.byte() };
  walk(reader, () => {});
  return global;
}

/** The functions that a segment puts into the function table when the module starts. */
function readElements(reader) {
  const flags = reader.number();
  if (flags !== 0 && flags !== 2) throw new Error(`elements of form ${flags}`);
  if (flags === 2) reader.number();
  walk(reader, () => {});
  if (flags === 2) reader.byte();
  return reader.list((r) => r.number());
}

/** Bytes that are in memory when the module starts, and from which address on. */
function readData(reader) {
  const flags = reader.number();
  if (flags !== 0 || reader.byte() !== 0x41) throw new Error(`data of form ${flags}`);
  const at = reader.signed() >>> 0;
  reader.byte();
  return { at, bytes: reader.take(reader.number()) };
}

function readNames(names, reader) {
  while (reader.at < reader.bytes.length) {
    const id = reader.byte();
    const body = new Reader(reader.take(reader.number()));
    if (id !== 1) continue;
    for (const [index, text] of body.list((r) => [r.number(), r.name()])) names.set(index, text);
  }
}

/** Reads past a function's declarations of locals. */
export function skipLocals(reader) {
  reader.list((r) => [r.number(), r.byte()]);
}

/**
 * Goes through the instructions of an expression, up to its end, and tells of every place that holds a function's
 * number: `found(from, to, index)`, the bytes of the number and the number. `constant` gets every number that may be an
 * address, or an address's distance from one.
 */
export function walk(reader, found, constant = () => {}) {
  for (let depth = 1; depth > 0; ) {
    const opcode = reader.byte();
    if (opcode === 0x0b) depth -= 1;
    else if (opcode >= 0x02 && opcode <= 0x04) {
      depth += 1;
      reader.skipNumber();
    } else if (opcode === 0x10 || opcode === 0xd2) {
      const from = reader.at;
      const index = reader.number();
      found(from, reader.at, index);
    } else if (opcode === 0x41) constant(reader.signed() >>> 0);
    else if (opcode === 0x42) {
      const bits = reader.bits64(); // it may be two addresses, written at once
      constant(Number(bits & 0xffffffffn), bits);
      constant(Number(bits >> 32n), bits);
    } else if (opcode >= 0x28 && opcode <= 0x3e) {
      reader.skipNumber();
      constant(reader.number());
    } else skipImmediates(reader, opcode);
  }
}

function skipImmediates(reader, opcode) {
  const numbers = (count) => {
    for (; count > 0; count -= 1) reader.skipNumber();
  };
  if (opcode === 0x0e) return numbers(reader.number() + 1); // br_table
  if (opcode === 0x11) return numbers(2); // call_indirect
  if (opcode === 0x1c) return numbers(reader.number()); // select with a type
  if (opcode === 0x43) return void reader.take(4); // f32.const
  if (opcode === 0x44) return void reader.take(8); // f64.const
  if (opcode === 0xfc) {
    const sub = reader.number();
    const counts = [0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 1, 2, 1, 2, 1, 1, 1];
    if (sub === 8 || sub === 9 || counts[sub] === undefined) throw new Error(`instruction 0xfc ${sub}`);
    return numbers(counts[sub]);
  }
  const one = opcode === 0x0c || opcode === 0x0d || (opcode >= 0x20 && opcode <= 0x26);
  const also = opcode === 0x3f || opcode === 0x40 || opcode === 0xd0;
  if (one || also) return numbers(1);
  const none = opcode <= 0x01 || opcode === 0x05 || opcode === 0x0f || opcode === 0x1a || opcode === 0x1b;
  if (none || (opcode >= 0x45 && opcode <= 0xc4) || opcode === 0xd1) return undefined;
  throw new Error(`instruction 0x${opcode.toString(16)}`);
}

/** A function's name without the digest that rustc puts at its end, which differs from build to build. */
export function stableName(name) {
  return name.replace(/::h[0-9a-f]{16}$/, "").replace(/\[[0-9a-f]{16}\]/g, "").replace(/\.\d+$/, "");
}
