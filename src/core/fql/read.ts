import { FqlError, tokensOf, type FqlFault, type Token } from './tokens.ts';
import { comparison, functionCall, functionNames } from './conditions.ts';
import type { FqlTree } from './tree.ts';

export type { FqlFault } from './tokens.ts';

/** The longest text that is read, in UTF-16 units. */
export const fqlLimit = 5_000;
const depthLimit = 20;
const example = 'For example: type = "track" and (event = "Order Completed" or properties.total >= 100)';

export type ReadFql =
  { readonly ok: true; readonly tree: FqlTree } | { readonly ok: false; readonly fault: FqlFault };

/**
 * Reads a filter in Segment's FQL: conditions joined by `and` or by `or`, with parentheses. What Segment's own parser
 * takes but does not understand (`type =`, `!(…)`, `and` beside `or`, a loose `and`) is refused, with its place.
 * Source: segment-docs, config-api/fql; @segment/destination-subscriptions 3.37.0 for what each condition means.
 */
export function readFql(text: string): ReadFql {
  try {
    if (text.length > fqlLimit)
      throw new FqlError(fqlLimit, `A filter has at most ${fqlLimit} characters. Make it shorter.`);
    return { ok: true, tree: new Reader(tokensOf(text)).whole() };
  } catch (error) {
    if (!(error instanceof FqlError)) throw error;
    return { ok: false, fault: { ...placeOf(text, error.offset), message: error.message } };
  }
}

/** A fault in one sentence for people, with its place. */
export function faultText({ offset, line, column, message }: FqlFault): string {
  return `Line ${line}, column ${column} (offset ${offset}): ${message}`;
}

function placeOf(text: string, offset: number): Omit<FqlFault, 'message'> {
  const lines = text.slice(0, offset).split('\n');
  return { offset, line: lines.length, column: lines.at(-1)!.length + 1 };
}

/** The tokens that are left, one after another. */
export class Tokens {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get next(): Token {
    return this.#tokens[this.#at]!;
  }

  /** The token behind the next one. */
  get second(): Token | undefined {
    return this.#tokens[this.#at + 1];
  }

  take(): Token {
    const token = this.next;
    if (token.kind !== 'end') this.#at += 1;
    return token;
  }

  isSign(text: string): boolean {
    return this.next.kind === 'sign' && this.next.text === text;
  }

  /** @throws FqlError unless that sign stands next */
  sign(text: string, where: string): void {
    if (!this.isSign(text)) this.fail(`Expected ${JSON.stringify(text)} ${where}`);
    this.take();
  }

  /** @throws FqlError at the next token, saying what stands there */
  fail(expected: string, hint = ''): never {
    const { kind, text, offset } = this.next;
    const found = kind === 'end' ? 'the text ends here' : `found ${clipped(text)}`;
    throw new FqlError(offset, `${expected}, but ${found}.${hint === '' ? '' : ` ${hint}`}`);
  }
}

function clipped(text: string): string {
  return JSON.stringify(text.length <= 40 ? text : `${text.slice(0, 40)}…`);
}

class Reader {
  readonly #tokens: Tokens;

  constructor(tokens: readonly Token[]) {
    this.#tokens = new Tokens(tokens);
  }

  whole(): FqlTree {
    const tree = this.#joined(0);
    if (this.#tokens.next.kind !== 'end') this.#tokens.fail('Expected "and", "or" or the end', example);
    return tree;
  }

  #joined(depth: number): FqlTree {
    const parts = [this.#term(depth)];
    let joint: string | null = null;
    for (let word = this.#joint(); word !== null; word = this.#joint()) {
      joint ??= word;
      if (word !== joint)
        this.#tokens.fail(
          'Expected parentheses around what belongs together, as "and" and "or" stand side by side',
          'For example: a = 1 and (b = 2 or c = 3).',
        );
      this.#tokens.take();
      parts.push(this.#term(depth));
    }
    return joint === null ? parts[0]! : { kind: joint === 'and' ? 'all' : 'any', parts };
  }

  /** `and` or `or`, if one stands next. */
  #joint(): string | null {
    const { next } = this.#tokens;
    const word = next.kind === 'path' ? next.text.toLowerCase() : null;
    return word === 'and' || word === 'or' ? word : null;
  }

  #term(depth: number): FqlTree {
    const { next, second } = this.#tokens;
    if (this.#tokens.isSign('(')) return this.#group(depth);
    if (this.#tokens.isSign('!')) return this.#negated();
    if (next.kind !== 'path' || this.#joint() !== null) this.#tokens.fail('Expected a condition', example);
    if (second?.kind === 'sign' && second.text === '(') return functionCall(this.#tokens, false);
    return comparison(this.#tokens);
  }

  #group(depth: number): FqlTree {
    if (depth === depthLimit)
      this.#tokens.fail(`Expected at most ${depthLimit} parentheses within each other`);
    this.#tokens.take();
    const tree = this.#joined(depth + 1);
    this.#tokens.sign(')', 'behind the group');
    return tree;
  }

  #negated(): FqlTree {
    this.#tokens.take();
    const { next } = this.#tokens;
    if (next.kind !== 'path' || !functionNames.includes(next.text))
      this.#tokens.fail(
        'Expected contains(…) or match(…) behind "!"',
        'Elsewhere say the opposite of each condition: event != "Tested".',
      );
    return functionCall(this.#tokens, true);
  }
}
