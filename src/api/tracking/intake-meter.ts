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
import type { ReceivedEvents } from './received.ts';
import { isRefusal, type Refusal, type StrictRefusal, type TooFast } from './refusal.ts';

/** Counts what a request brought that is acknowledged. */
export function countReceived(source: string, { events, rejected }: ReceivedEvents): void {
  eventsReceived.inc({ source }, events.length + rejected.length);
  if (events.length > 0) eventsAccepted.inc({ source }, events.length);
  for (const { code } of rejected) eventsRejected.inc({ source, reason: code });
}

/** Counts a request of which nothing was stored. */
export function countRefusal(taken: object | StrictRefusal | Refusal | TooFast): void {
  if (isRefusal(taken)) requestsRefused.inc({ reason: taken });
  else if (typeof taken !== 'object') return;
  else if ('errors' in taken) requestsRefused.inc({ reason: 'events_invalid' satisfies Refusal });
  else if ('waitMs' in taken) requestsRefused.inc({ reason: 'rate_limited' satisfies Refusal });
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
