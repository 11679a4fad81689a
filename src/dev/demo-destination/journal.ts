import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { Ledger, type Mark, type Refusal } from './ledger.ts';
import type { Receipt } from './receipt.ts';

/** One line of the file. Arrays, because there is a line for every event. */
type Entry =
  | readonly [
      'taken',
      Receipt['atMs'],
      Receipt['id'],
      Receipt['user'],
      Receipt['orderMs'],
      string,
      string | null,
    ]
  | readonly ['refused', Refusal];

/**
 * A ledger that survives its process: what it counts is in a file before the sender gets its answer, so that a kill
 * makes it forget nothing that it has confirmed.
 */
export class Journal {
  readonly #fd: number;
  #ledger = new Ledger();

  constructor(file: string) {
    mkdirSync(dirname(file), { recursive: true });
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
    for (const line of lines) this.#restore(line);
    this.#fd = openSync(file, 'a', 0o600);
  }

  get ledger(): Ledger {
    return this.#ledger;
  }

  take(receipts: readonly Receipt[]): Mark[] {
    const lines = receipts.map(({ atMs, id, user, orderMs, type, name }) =>
      JSON.stringify(['taken', atMs, id, user, orderMs, type, name] satisfies Entry),
    );
    writeSync(this.#fd, `${lines.join('\n')}\n`);
    return receipts.map((receipt) => this.#ledger.take(receipt));
  }

  refuse(refusal: Refusal): void {
    writeSync(this.#fd, `${JSON.stringify(['refused', refusal] satisfies Entry)}\n`);
    this.#ledger.refuse(refusal);
  }

  reset(): void {
    ftruncateSync(this.#fd, 0);
    this.#ledger = new Ledger();
  }

  close(): void {
    closeSync(this.#fd);
  }

  #restore(line: string): void {
    const entry = parse(line);
    if (entry === null) return;
    if (entry[0] === 'refused') return this.#ledger.refuse(entry[1]);
    const [, atMs, id, user, orderMs, type, name] = entry;
    this.#ledger.take({ atMs, id, user, orderMs, type, name });
  }
}

/** A line that this file's own code wrote; null for the last one when a kill cut it short. */
function parse(line: string): Entry | null {
  try {
    return JSON.parse(line) as Entry;
  } catch {
    return null;
  }
}
