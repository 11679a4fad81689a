import type { Kept } from '../../db/archive/keep.ts';
import {
  archivedEvents,
  eventsAccepted,
  eventsReceived,
  eventsRejected,
  groupCommitEvents,
  groupCommitFailures,
  groupCommitSeconds,
  requestsRefused,
} from '../../metrics/tracking.ts';
import { traceRequest, type TracedRequest } from '../../tracing/events.ts';
import type { ReceivedEvents } from './received.ts';
import { isRefusal, type Refusal, type StrictRefusal, type TooFast } from './refusal.ts';

type Taken = ReceivedEvents | StrictRefusal | Refusal | TooFast;

/** Traces a request, and counts it where nothing of it was stored. @param traceparent of its sender */
export async function metered<T extends Taken>(
  traceparent: string | undefined,
  work: (traced: TracedRequest | null) => Promise<T>,
): Promise<T> {
  const traced = traceRequest(traceparent);
  try {
    const taken = await work(traced);
    const reason = refusalOf(taken);
    if (reason !== null) requestsRefused.inc({ reason });
    if (traced !== null) endTrace(traced, taken, reason);
    return taken;
  } catch (error) {
    traced?.end({}, 'unavailable' satisfies Refusal);
    throw error;
  }
}

function endTrace(traced: TracedRequest, taken: Taken, reason: Refusal | null): void {
  if (reason !== null) return traced.end({ 'reprise.refusal': reason }, reason);
  const { events, rejected } = taken as ReceivedEvents;
  traced.end({ 'reprise.events.accepted': events.length, 'reprise.events.rejected': rejected.length });
}

/** A request's events wait for a commit and are stored. */
export function committing<T>(traced: TracedRequest | null, work: () => Promise<T>): Promise<T> {
  return traced === null ? work() : traced.commit(work);
}

/** Counts what a request brought, once it is stored. */
export function countStored(
  traced: TracedRequest | null,
  source: string,
  { events, rejected }: ReceivedEvents,
): void {
  eventsReceived.add(events.length + rejected.length, source);
  if (events.length > 0) eventsAccepted.add(events.length, source);
  for (const { code } of rejected) eventsRejected.inc({ source, reason: code });
  traced?.stored(events);
}

/** The code that a request's sender is told; null: what it brought is stored. */
function refusalOf(taken: Taken): Refusal | null {
  if (isRefusal(taken)) return taken;
  if ('errors' in taken) return 'events_invalid';
  return 'waitMs' in taken ? 'rate_limited' : null;
}

/** Counts what became of a group's events. @param rejected how many of them were so before */
export function countKept({ appended, duplicates, rejected: all }: Kept, rejected: number): void {
  archivedEvents.inc({ result: 'appended' }, appended);
  if (duplicates > 0) archivedEvents.inc({ result: 'duplicate' }, duplicates);
  if (all > rejected) archivedEvents.inc({ result: 'conflict' }, all - rejected);
}

/** Measures the commit of a group. */
export async function timed(group: readonly ReceivedEvents[], commit: () => Promise<void>): Promise<void> {
  const begun = performance.now();
  groupCommitEvents.observe(
    group.reduce((sum, { events, rejected }) => sum + events.length + rejected.length, 0),
  );
  try {
    await commit();
  } catch (error) {
    groupCommitFailures.inc();
    throw error;
  } finally {
    groupCommitSeconds.observe((performance.now() - begun) / 1_000);
  }
}
