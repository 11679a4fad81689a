import { sumCounts, type Bucket, type Counts } from '../core/counts.ts';
import type { Task, LaneCommit } from '../core/lane-types.ts';
import type { ArchivedEvent } from '../core/event.ts';
import type { Outcome } from '../core/outcome.ts';
import type { TakenLane } from '../db/lane-lease.ts';
import type { Delivery } from '../destinations/definition.ts';
import {
  attempts,
  budgetWaitSeconds,
  deliveries,
  eventsSettled,
  latencySeconds,
  requests,
  requestsInFlight,
  requestSeconds,
} from '../metrics/delivery.ts';
import { traceDeliveries, traceSlice } from '../tracing/events.ts';

type LaneFacts = Pick<TakenLane, 'destination' | 'kind' | 'counts' | 'ahead' | 'runId' | 'lane'>;
type Cells = Partial<Record<string, number>>;

/** Outcomes that say that the destination has the event now. */
const arrived: ReadonlySet<Outcome['kind']> = new Set(['delivered', 'unconfirmable']);
/** Outcomes with which nothing left this process. */
const unsent: ReadonlySet<Outcome['kind']> = new Set(['invalid', 'suppressed', 'notSent']);

/** Counts and traces what one holder of a lane does. */
export class LaneMeter {
  readonly #labels: { readonly destination: string; readonly kind: TakenLane['kind'] };
  /** What has been counted of each bucket. Counts of a lane fall for a while when its next holder begins. */
  readonly #deliveries: Cells;
  readonly #events: Cells;
  readonly #attributes: Readonly<Record<string, string>>;
  readonly #slice: ReturnType<typeof traceSlice>;
  #waitsSince: number | null = null;

  constructor({ destination, kind, counts, ahead, runId, lane }: LaneFacts) {
    this.#labels = { destination: destination.id, kind };
    this.#deliveries = deliveriesOf([counts, ahead]);
    this.#events = sumCounts([counts, ahead]).events;
    this.#attributes = {
      'reprise.destination.id': destination.id,
      'reprise.run.id': runId,
      'reprise.run.kind': kind,
    };
    this.#slice = traceSlice({ runId, destination: destination.id, kind, lane });
  }

  /** Traces a request's deliveries. @returns what is told how they ended; null: they are not traced */
  traces(deliveries: readonly Delivery[]): ((outcomes: readonly Outcome[]) => void) | null {
    const traced = traceDeliveries(this.#slice, deliveries, this.#attributes);
    return traced && ((outcomes) => traced(outcomes.map(({ kind }) => kind)));
  }

  /** The lane is worked no more. */
  close(now: number): void {
    this.waitsNoMore(now);
    this.#slice?.end();
  }

  /** A request leaves. */
  sends(): void {
    requestsInFlight.add(1, this.#labels.destination, this.#labels.kind);
  }

  /** It is under way no more, however it ended. */
  ended(): void {
    requestsInFlight.add(-1, this.#labels.destination, this.#labels.kind);
  }

  /** How it ended. @param tookMs how long it was under way */
  sent(batch: readonly Task<ArchivedEvent>[], outcomes: readonly Outcome[], tookMs: number): void {
    const { destination, kind } = this.#labels;
    for (const [result, count] of tallied(outcomes)) {
      if (result !== 'notSent') attempts.add(count, destination, kind, result);
    }
    if (kind === 'stream') this.#noteLatency(batch, outcomes);
    if (outcomes.every(({ kind }) => unsent.has(kind))) return;
    requests.add(1, destination, kind, statusOf(outcomes));
    requestSeconds.observe(tookMs / 1_000, destination, kind);
  }

  #noteLatency(batch: readonly Task<ArchivedEvent>[], outcomes: readonly Outcome[]): void {
    const { destination } = this.#labels;
    const now = Date.now();
    for (const [index, { kind }] of outcomes.entries()) {
      const event = arrived.has(kind) ? batch[index]?.entry.event : null;
      if (event == null) continue;
      latencySeconds.observe(Math.max(0, now - event.receivedAt.getTime()) / 1_000, destination);
    }
  }

  /** Something could leave, and the budget or the pace lets nothing. @param now on the clock of the lane */
  waits(now: number): void {
    this.#waitsSince ??= now;
  }

  /** Something leaves, or nothing wants to any more. */
  waitsNoMore(now: number): void {
    if (this.#waitsSince === null) return;
    budgetWaitSeconds.inc(this.#labels, Math.max(0, now - this.#waitsSince) / 1_000);
    this.#waitsSince = null;
  }

  /** A commit is written. */
  committed({ counts, ahead }: Pick<LaneCommit, 'counts' | 'ahead'>): void {
    for (const [outcome, risen] of rises(this.#events, sumCounts([counts, ahead]).events))
      eventsSettled.inc({ ...this.#labels, outcome }, risen);
    for (const [outcome, risen] of rises(this.#deliveries, deliveriesOf([counts, ahead])))
      deliveries.inc({ ...this.#labels, outcome }, risen);
  }
}

/** By outcome, over all actions. */
function deliveriesOf(counts: readonly Counts[]): Cells {
  const sum: Cells = {};
  for (const { byAction } of counts) {
    for (const cells of Object.values(byAction)) {
      for (const [bucket, count] of Object.entries(cells)) sum[bucket] = (sum[bucket] ?? 0) + count;
    }
  }
  return sum;
}

/** What is waiting has not ended. Raises `known` to what is there. */
function* rises(known: Cells, there: Cells): Generator<[outcome: string, risen: number]> {
  for (const [bucket, count = 0] of Object.entries(there)) {
    const risen = count - (known[bucket] ?? 0);
    if (risen <= 0 || bucket === ('waiting' satisfies Bucket)) continue;
    known[bucket] = count;
    yield [bucket, risen];
  }
}

function tallied(outcomes: readonly Outcome[]): Map<Outcome['kind'], number> {
  const counts = new Map<Outcome['kind'], number>();
  for (const { kind } of outcomes) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** The class of a request's status, as its outcomes tell it. */
function statusOf(outcomes: readonly Outcome[]): string {
  if (outcomes.some(({ kind }) => arrived.has(kind))) return '2xx';
  const failed = outcomes.find((outcome) => 'failure' in outcome && !unsent.has(outcome.kind));
  const status = failed !== undefined && 'failure' in failed ? failed.failure.status : undefined;
  return status === undefined ? 'none' : `${Math.floor(status / 100)}xx`;
}
