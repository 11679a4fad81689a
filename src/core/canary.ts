import { bucketOf, type Bucket, type Counts } from './counts.ts';
import type { Position } from './event.ts';
import type { Offered } from './lane-types.ts';

/** Buckets of events that the run itself had to send. */
const sent: readonly Bucket[] = ['waiting', 'dead', 'unconfirmable', 'delivered', 'invalid'];

/** How the events that a lane has read stand. */
export interface LaneStanding {
  /** Up to its mark. */
  readonly counts: Counts;
  /** Settled above it. */
  readonly ahead: Counts;
  /** Events of which something is yet to be sent. */
  readonly open: number;
}

/**
 * A lane's share of a replay's first events. Only events that the replay has to send count: what the destination has,
 * or is not meant for it, proves nothing. An event counts while it is open, and then by the bucket that it ended in, so
 * that the share is the same for whoever takes the lane next and knows nothing but its counts.
 *
 * open: pages are cut where the share ends -> full: nothing more is read until the canary has passed; or open again,
 * when an event ended without being sent.
 */
export class CanaryShare {
  readonly #share: number;
  readonly #read: { readonly standing: LaneStanding };

  /** @param read the lane as it stands whenever the share is asked */
  constructor(canary: { events: number; lane: number; lanes: number }, read: { standing: LaneStanding }) {
    const { events, lane, lanes } = canary;
    this.#share = Math.floor((events * (lane + 1)) / lanes) - Math.floor((events * lane) / lanes);
    this.#read = read;
  }

  get full(): boolean {
    return this.#left <= 0;
  }

  /** Takes a page, or as much of it as the share allows. */
  cut<E>(page: { offers: Offered<E>[]; scannedTo: Position }): { offers: Offered<E>[]; scannedTo: Position } {
    let left = this.#left;
    for (const [index, offered] of page.offers.entries()) {
      if (isSent(offered)) left--;
      if (left <= 0) return { offers: page.offers.slice(0, index + 1), scannedTo: offered.position };
    }
    return page;
  }

  get #left(): number {
    const { counts, ahead, open } = this.#read.standing;
    return this.#share - open - sentOf(counts) - sentOf(ahead);
  }
}

function isSent({ deliver, settled }: Offered<unknown>): boolean {
  return deliver.length > 0 || sent.includes(bucketOf(settled.map(({ bucket }) => bucket)));
}

function sentOf({ events }: Counts): number {
  return sent.reduce((sum, bucket) => sum + (events[bucket] ?? 0), 0);
}

/** How the first events fared: well only if every one of them has arrived. */
export function canaryVerdict(counts: Counts): 'good' | 'bad' {
  const failed = (['waiting', 'dead', 'invalid'] as const).some((bucket) => (counts.events[bucket] ?? 0) > 0);
  return failed ? 'bad' : 'good';
}
