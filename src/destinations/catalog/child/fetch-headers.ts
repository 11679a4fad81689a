/** A header, with its name as it was first written. */
interface Header {
  readonly name: string;
  readonly values: readonly string[];
}

/** As RFC 9110 has names and values, sections 5.1 and 5.5. */
const legalName = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/;
const illegalValue = /[^\t\u{20}-\u{7e}\u{80}-\u{ff}]/u;

/** Names that were checked, in small letters; there are few of them, whatever the number of requests. */
const lowered = new Map<string, string>();
const mostNames = 1_000;

/** @throws TypeError where it is none */
function keyOf(given: unknown): string {
  const name = String(given);
  const known = lowered.get(name);
  if (known !== undefined) return known;
  if (!legalName.test(name)) throw new TypeError(`${name} is not a legal HTTP header name`);
  const key = name.toLowerCase();
  if (lowered.size < mostNames) lowered.set(name, key);
  return key;
}

/** @throws TypeError where it is none */
function valueOf(given: unknown): string {
  const value = String(given);
  if (illegalValue.test(value)) throw new TypeError(`${value} is not a legal HTTP header value`);
  return value;
}

type Pair = readonly [name: string, value: string];

/** By their names in small letters; and as they are read, once they were. Nothing in it changes once it is shared. */
interface Held {
  readonly headers: Map<string, Header>;
  pairs: readonly Pair[] | null;
  shared: boolean;
}

/**
 * The headers of a message as node-fetch's class has them, order included, which is that of the names as they were written.
 * The framework copies them a dozen times for each request: here copies share what they hold until one of them is changed,
 * and nothing is checked or sorted twice.
 */
export class FetchHeaders {
  #held: Held;

  /** @param init other headers, pairs, or an object. @throws TypeError for anything else, or what HTTP does not take */
  constructor(init?: unknown) {
    if (init instanceof FetchHeaders) {
      this.#held = init.#held;
      this.#held.shared = true;
      return;
    }
    this.#held = { headers: new Map(), pairs: null, shared: false };
    for (const [name, value] of pairsIn(init)) this.append(name, value);
  }

  get(name: unknown): string | null {
    return this.#held.headers.get(keyOf(name))?.values.join(', ') ?? null;
  }

  has(name: unknown): boolean {
    return this.#held.headers.has(keyOf(name));
  }

  set(name: unknown, value: unknown): void {
    this.#put(keyOf(name), String(name), [valueOf(value)]);
  }

  append(name: unknown, value: unknown): void {
    const key = keyOf(name);
    const before = this.#held.headers.get(key)?.values ?? [];
    this.#put(key, String(name), [...before, valueOf(value)]);
  }

  delete(name: unknown): void {
    const key = keyOf(name);
    if (this.#held.headers.has(key)) this.#own().delete(key);
  }

  forEach(each: (value: string, name: string, headers: FetchHeaders) => void, self?: unknown): void {
    // What is changed on the way counts.
    for (let at = 0; at < this.#pairs().length; at += 1) {
      const [name, value] = this.#pairs()[at]!;
      each.call(self, value, name, this);
    }
  }

  entries(): ArrayIterator<Pair> {
    return this.#pairs().values();
  }

  keys(): ArrayIterator<string> {
    return this.#pairs()
      .map(([name]) => name)
      .values();
  }

  values(): ArrayIterator<string> {
    return this.#pairs()
      .map(([, value]) => value)
      .values();
  }

  [Symbol.iterator](): ArrayIterator<Pair> {
    return this.entries();
  }

  /** All values of each, under the names as they were written. */
  raw(): Record<string, string[]> {
    const raw = Object.create(null) as Record<string, string[]>;
    for (const { name, values } of this.#held.headers.values()) raw[name] = [...values];
    return raw;
  }

  get [Symbol.toStringTag](): string {
    return 'Headers';
  }

  #put(key: string, name: string, values: readonly string[]): void {
    const headers = this.#own();
    headers.set(key, { name: headers.get(key)?.name ?? name, values });
  }

  /** What it holds, to be changed. */
  #own(): Map<string, Header> {
    if (this.#held.shared) this.#held = { headers: new Map(this.#held.headers), pairs: null, shared: false };
    this.#held.pairs = null;
    return this.#held.headers;
  }

  #pairs(): readonly Pair[] {
    this.#held.pairs ??= [...this.#held.headers]
      .toSorted(([, a], [, b]) => (a.name < b.name ? -1 : 1))
      .map(([key, { values }]) => [key, values.join(', ')]);
    return this.#held.pairs;
  }
}

function pairsIn(init: unknown): Iterable<readonly [name: unknown, value: unknown]> {
  if (init === undefined || init === null) return [];
  if (typeof init !== 'object') throw new TypeError('Provided initializer must be an object');
  if (!(Symbol.iterator in init)) return Object.entries(init);
  if (typeof init[Symbol.iterator] !== 'function') throw new TypeError('Header pairs must be iterable');
  const pairs = Array.from(init as Iterable<unknown>, (pair) => {
    if (typeof pair !== 'object' || pair === null || !(Symbol.iterator in pair))
      throw new TypeError('Each header pair must be iterable');
    return [...(pair as Iterable<unknown>)];
  });
  if (pairs.some(({ length }) => length !== 2))
    throw new TypeError('Each header pair must be a name/value tuple');
  return pairs as [unknown, unknown][];
}
