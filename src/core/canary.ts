import type { Bucket, Counts } from './counts.ts';
import type { Position } from './event.ts';
import type { Offered } from './lane-types.ts';

/** Buckets of events that the run itself had to send. */
const sent: readonly Bucket[] = ['waiting', 'dead', 'unconfirmable', 'delivered', 'invalid'];

/**
 * A lane's share of a replay's first events. Only events that the replay has to send count: what the destination has,
 * or is not meant for it, proves nothing.
 *
 * open: pages are cut where the share ends -> full: nothing more is read until the canary has passed.
 */
export class CanaryShare {
  #left: number;

  /** @param counts of the lane up to its mark; what it settled above is offered again */
  constructor(canary: { events: number; lane: number; lanes: number }, counts: Counts) {
    const { events, lane, lanes } = canary;
    const share = Math.floor((events * (lane + 1)) / lanes) - Math.floor((events * lane) / lanes);
    this.#left = share - sent.reduce((sum, bucket) => sum + (counts.events[bucket] ?? 0), 0);
  }

  get full(): boolean {
    return this.#left <= 0;
  }

  /** Takes a page, or as much of it as the share allows. */
  cut<E>(page: { offers: Offered<E>[]; scannedTo: Position }): { offers: Offered<E>[]; scannedTo: Position } {
    for (const [index, offered] of page.offers.entries()) {
      if (isSent(offered)) this.#left--;
      if (this.full) return { offers: page.offers.slice(0, index + 1), scannedTo: offered.position };
    }
    return page;
  }
}

function isSent({ deliver, settled }: Offered<unknown>): boolean {
  return deliver.length > 0 || settled.some(({ bucket }) => sent.includes(bucket));
}

/** How the first events fared: well only if every one of them has arrived. */
export function canaryVerdict(counts: Counts): 'good' | 'bad' {
  const failed = (['waiting', 'dead', 'invalid'] as const).some((bucket) => (counts.events[bucket] ?? 0) > 0);
  return failed ? 'bad' : 'good';
}
