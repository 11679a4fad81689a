/** Where a text stops being JSON, and what would have to stand there. */
export interface JsonFault {
  /** JSON pointer of the innermost value around the fault. */
  readonly pointer: string;
  /** Both count from 1; columns are UTF-16 units. */
  readonly line: number;
  readonly column: number;
  readonly expected: string;
}

/** Where an object has a member for the second time. */
export interface RepeatedMember {
  /** JSON pointer of the member. */
  readonly pointer: string;
  readonly name: string;
  readonly line: number;
  readonly column: number;
}

interface Frame {
  readonly kind: 'object' | 'array';
  key: string | number;
  /** The names of an object so far; null in an array. */
  readonly names: Set<string> | null;
}

/** Stops the scan at the first fault. */
class Fault extends Error {
  readonly expected: string;
  constructor(expected: string) {
    super(expected);
    this.expected = expected;
  }
}

/** Finds the first fault of a text by the grammar of RFC 8259; null when the text is JSON. Depth costs no stack. */
export function findJsonFault(text: string): JsonFault | null {
  const scan = new Scan(text);
  try {
    scan.document();
    return null;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { pointer: scan.pointer(), ...placeOf(text, scan.at), expected: error.expected };
  }
}

/** Finds the first member of a JSON text that its object has already; names are compared without their escapes. */
export function findRepeatedMember(text: string): RepeatedMember | null {
  const scan = new Scan(text);
  scan.document();
  const { repeated } = scan;
  return repeated === null ? null : { ...repeated, ...placeOf(text, repeated.at) };
}

/** Appends a member name or an index to a JSON pointer (RFC 6901). */
export function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function placeOf(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

class Scan {
  at = 0;
  repeated: { readonly pointer: string; readonly name: string; readonly at: number } | null = null;
  readonly #text: string;
  readonly #frames: Frame[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  pointer(): string {
    return pointerTo(this.#frames.map((frame) => frame.key));
  }

  document(): void {
    do this.#value();
    while (this.#goesOn());
    this.#space();
    if (this.at < this.#text.length) throw new Fault('the end of the text');
  }

  /** Reads a scalar, or opens an object or array up to its first value; an empty one is read whole. */
  #value(): void {
    for (;;) {
      this.#space();
      if (this.#take('{')) {
        if (this.#take('}')) return;
        this.#frames.push({ kind: 'object', key: '', names: new Set() });
        this.#memberName();
      } else if (this.#take('[')) {
        if (this.#take(']')) return;
        this.#frames.push({ kind: 'array', key: 0, names: null });
      } else return this.#scalar();
    }
  }

  /** After a value: closes what ends here; true when another value follows. */
  #goesOn(): boolean {
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
      if (this.#take(',')) {
        if (typeof frame.key === 'number') frame.key += 1;
        else this.#memberName();
        return true;
      }
      const close = frame.kind === 'object' ? '}' : ']';
      if (!this.#take(close)) throw new Fault(`"," or "${close}"`);
      this.#frames.pop();
    }
    return false;
  }

  #memberName(): void {
    this.#space();
    const start = this.at;
    if (this.#text[start] !== '"') throw new Fault('a member name in double quotes');
    this.#string();
    const frame = this.#frames.at(-1);
    if (frame !== undefined) this.#name(frame, JSON.parse(this.#text.slice(start, this.at)) as string, start);
    if (!this.#take(':')) throw new Fault('":"');
  }

  #name(frame: Frame, name: string, at: number): void {
    frame.key = name;
    if (frame.names?.has(name) === true) this.repeated ??= { pointer: this.pointer(), name, at };
    frame.names?.add(name);
  }

  #scalar(): void {
    if (this.#text[this.at] === '"') return this.#string();
    const scalar = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;
    scalar.lastIndex = this.at;
    if (!scalar.test(this.#text)) throw new Fault('a value');
    this.at = scalar.lastIndex;
  }

  #string(): void {
    const start = this.at;
    for (this.at += 1; this.#text[this.at] !== '"';) {
      const char = this.#text[this.at];
      if (char === undefined) {
        this.at = start;
        throw new Fault('a closing double quote for the text that begins here');
      }
      if (char < ' ') throw new Fault('an escape sequence instead of a control character');
      this.at += char === '\\' ? this.#escape() : 1;
    }
    this.at += 1;
  }

  #escape(): number {
    const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
    escape.lastIndex = this.at;
    if (!escape.test(this.#text)) throw new Fault('a valid escape sequence');
    return escape.lastIndex - this.at;
  }

  #take(char: string): boolean {
    this.#space();
    if (this.#text[this.at] !== char) return false;
    this.at += 1;
    return true;
  }

  #space(): void {
    const space = /[ \t\n\r]*/y;
    space.lastIndex = this.at;
    space.test(this.#text);
    this.at = space.lastIndex;
  }
}
