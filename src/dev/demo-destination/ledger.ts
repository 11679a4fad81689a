import type { Receipt } from './receipt.ts';

/** Why a delivery was not taken. */
export type Refusal = 'rateLimited' | 'failed' | 'down' | 'badSignature' | 'unreadable';

export type Mark = 'new' | 'outOfOrder' | 'duplicate';

export interface LedgerStats {
  /** Arrivals, duplicates included. */
  readonly received: number;
  readonly unique: number;
  readonly duplicates: number;
  /** Among the unique: arrived after a later one of the same user. */
  readonly outOfOrder: number;
  readonly users: number;
  /** Deliveries that were not taken, by reason. */
  readonly refused: Readonly<Record<Refusal, number>>;
  /** Arrivals in each of the last 60 seconds, the current one last. */
  readonly perSecond: readonly number[];
  /** The newest arrivals, newest first. */
  readonly last: readonly (Receipt & { readonly mark: Mark })[];
}

const shownSeconds = 60;
const shownArrivals = 25;

/** Counts what arrives: what is new, what came before, and what came too late for its user's order. */
export class Ledger {
  readonly #ids = new Set<string>();
  /** The latest place in the order that was seen of each user. */
  readonly #latest = new Map<string, number>();
  readonly #seconds = new Map<number, number>();
  readonly #refused: Record<Refusal, number> = emptyRefusals();
  #last: (Receipt & { mark: Mark })[] = [];
  #received = 0;
  #duplicates = 0;
  #outOfOrder = 0;

  take(receipt: Receipt): Mark {
    const mark = this.#markOf(receipt);
    this.#received += 1;
    if (mark === 'duplicate') this.#duplicates += 1;
    if (mark === 'outOfOrder') this.#outOfOrder += 1;
    const second = Math.floor(receipt.atMs / 1000);
    this.#seconds.set(second, (this.#seconds.get(second) ?? 0) + 1);
    if (this.#seconds.size > 2 * shownSeconds) this.#forgetBefore(second - shownSeconds);
    this.#last = [{ ...receipt, mark }, ...this.#last.slice(0, shownArrivals - 1)];
    return mark;
  }

  refuse(refusal: Refusal): void {
    this.#refused[refusal] += 1;
  }

  stats(nowMs: number): LedgerStats {
    const now = Math.floor(nowMs / 1000);
    const second = (index: number) => this.#seconds.get(now - shownSeconds + 1 + index) ?? 0;
    return {
      received: this.#received,
      unique: this.#received - this.#duplicates,
      duplicates: this.#duplicates,
      outOfOrder: this.#outOfOrder,
      users: this.#latest.size,
      refused: { ...this.#refused },
      perSecond: Array.from({ length: shownSeconds }, (_, index) => second(index)),
      last: this.#last,
    };
  }

  #markOf({ id, user, orderMs }: Receipt): Mark {
    if (this.#ids.has(id)) return 'duplicate';
    this.#ids.add(id);
    if (user === null) return 'new';
    const latest = this.#latest.get(user) ?? Number.NEGATIVE_INFINITY;
    this.#latest.set(user, Math.max(latest, orderMs ?? Number.NEGATIVE_INFINITY));
    return orderMs !== null && orderMs < latest ? 'outOfOrder' : 'new';
  }

  #forgetBefore(second: number): void {
    for (const old of this.#seconds.keys()) if (old < second) this.#seconds.delete(old);
  }
}

function emptyRefusals(): Record<Refusal, number> {
  return { rateLimited: 0, failed: 0, down: 0, badSignature: 0, unreadable: 0 };
}
