/** What is wrong with a text in FQL, and where: `offset` counts UTF-16 units from 0, line and column count from 1. */
export interface FqlFault {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
  /** What was expected there, with a remedy or an example. */
  readonly message: string;
}

interface Placed {
  readonly offset: number;
  /** As it stands in the text. */
  readonly text: string;
}

/** A word, a number, a text in quotes or a sign; `end` is where the text ends. */
export type Token =
  | (Placed & { readonly kind: 'sign' | 'end' })
  /** A name with its parts: those between the dots, escapes resolved. */
  | (Placed & { readonly kind: 'path'; readonly parts: readonly string[] })
  | (Placed & { readonly kind: 'text'; readonly value: string })
  | (Placed & { readonly kind: 'number'; readonly value: number });

/** Thrown within the reader alone: `readFql` makes a value of it. */
export class FqlError extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

const space = /[ \t\r\n]+/y;
const sign = /!=|<=|>=|[=<>!(),]/y;
const foreign = /==+|=[<>]|<>|&&?|\|\|?|\[/y;
const number = /[+-]?\d+(?:\.\d+)?/y;
const pathStart = /[\p{L}_$\\]/uy;
const namePart = /(?:\\.|[\p{L}\p{N}_$-])+/suy;
const behindValue = /[\s),]|$/y;

const instead: Readonly<Record<string, string>> = {
  '=': 'Equality is written with one "=".',
  '<': 'Not equal is written "!=".',
  '&': 'Join conditions with "and".',
  '|': 'Join conditions with "or".',
  '[': 'An item of a list is named by its place behind a dot: properties.products.0.sku.',
};

/** Cuts a text in FQL into tokens, the last one of which is its end. @throws FqlError */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at += taken(space, text, at)?.length ?? 0;
    const token = at === text.length ? ({ kind: 'end', offset: at, text: '' } as const) : tokenAt(text, at);
    tokens.push(token);
    if (token.kind === 'end') return tokens;
    at += token.text.length;
  }
}

function tokenAt(text: string, offset: number): Token {
  const strange = taken(foreign, text, offset);
  if (strange !== null) throw new FqlError(offset, foreignSign(strange));
  const found = taken(sign, text, offset);
  if (found !== null) return { kind: 'sign', offset, text: found };
  const first = text[offset]!;
  if (first === '"' || first === "'") return quoted(text, offset, first);
  const digits = taken(number, text, offset);
  if (digits !== null) return numberToken(text, offset, digits);
  if (taken(pathStart, text, offset) !== null) return pathToken(text, offset);
  const shown = String.fromCodePoint(text.codePointAt(offset)!);
  throw new FqlError(
    offset,
    `${JSON.stringify(shown)} means nothing here. In a name write a backslash before it (traits.first\\ name), and put texts in double quotes.`,
  );
}

function foreignSign(found: string): string {
  const remedy = found === '=<' || found === '=>' ? 'Write "<=" or ">=".' : instead[found[0]!]!;
  return `${JSON.stringify(found)} is not known here. ${remedy}`;
}

function quoted(text: string, offset: number, quote: string): Token {
  const end = text.indexOf(quote, offset + 1);
  if (end < 0)
    throw new FqlError(offset, `The text that begins here is not closed: expected ${quote} behind it.`);
  const value = text.slice(offset + 1, end);
  return { kind: 'text', offset, text: text.slice(offset, end + 1), value };
}

function numberToken(text: string, offset: number, digits: string): Token {
  if (taken(behindValue, text, offset + digits.length) === null)
    throw new FqlError(
      offset,
      'Expected a number such as 10 or -2.5, with a space behind it. Anything else is a text: put it in double quotes.',
    );
  return { kind: 'number', offset, text: digits, value: Number(digits) };
}

function pathToken(text: string, offset: number): Token {
  const parts: string[] = [];
  let at = offset;
  for (;;) {
    const part = taken(namePart, text, at);
    if (part === null)
      throw new FqlError(at, 'Expected the name of a member behind the dot, as in properties.total.');
    parts.push(unescaped(part, at));
    at += part.length;
    if (text[at] !== '.') return { kind: 'path', offset, text: text.slice(offset, at), parts };
    at += 1;
  }
}

/** A key with a dot or a bracket would be read as a path by Segment's own parser. */
function unescaped(part: string, offset: number): string {
  const reserved = /\\[.[\]]/.exec(part);
  if (reserved !== null)
    throw new FqlError(
      offset + reserved.index,
      'A member whose name has a dot or a bracket cannot be named. An item of a list is named by its place: properties.products.0.sku.',
    );
  return part.replaceAll(/\\(.)/gsu, '$1');
}

function taken(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}
