import { randomUUID } from 'node:crypto';
import { afterFailure, askAgainForMs } from '../../core/notification-retry.ts';
import type { Outcome } from '../../core/outcome.ts';
import {
  claimNotification,
  holdNotification,
  nextQueuedEvent,
  noteNotTold,
  noteTold,
  releaseNotification,
  type NotificationClaim,
  type QueuedEvent,
} from '../../db/notification-queue.ts';
import type { NotificationFailure } from '../../db/notifications.ts';
import { openNotificationSender, type NotificationSender } from '../../destinations/notification-sender.ts';
import type { ApiDeps } from '../deps.ts';
import { payloadOf } from './payload.ts';
import { openNotification, requestDeadlineMs } from './settings.ts';

type Deps = Pick<ApiDeps, 'db' | 'keyring' | 'egress' | 'log' | 'stopping'>;

/** A claim outlives its request, so that nobody else sends meanwhile: the request leaves soon after, or not at all. */
const claimMs = requestDeadlineMs + 5_000;
const leavesWithinMs = 3_000;
/** Receivers that one process sends to at a time. */
const mostAtOnce = 16;
/** As many events of one receiver are told under one claim; then others have their turn. */
const mostOfClaim = 100;
/** What is under way at a stop has so long to end; milliseconds. */
const stopMs = 3_000;

/** Tells operators what they want to hear of, from this process. */
export interface Notifier {
  /** Begins to send what is due and what no process sends; comes back before it is sent. */
  look(): Promise<void>;
  /** Waits until nothing is under way. */
  idle(): Promise<void>;
}

/**
 * Makes the notifier of a process. Each receiver has one request under way over all processes, in which it can hold up
 * nobody else's. What a process that dies has under way is told again by another one when its claim has run out.
 * @param deadlineMs for one whole request
 */
export function createNotifier(deps: Deps, deadlineMs: number = requestDeadlineMs): Notifier {
  const underWay = new Set<Promise<void>>();
  const begin = (claim: NotificationClaim) => {
    const work = tell(deps, claim, deadlineMs)
      .catch((error: unknown) => deps.log.warn({ err: error, notification: claim.name }, 'notifying failed'))
      .finally(() => underWay.delete(work));
    underWay.add(work);
  };
  return {
    look: async () => {
      while (!deps.stopping.aborted && underWay.size < mostAtOnce) {
        const claim = await claimNotification(deps.db, randomUUID(), claimMs);
        if (claim === null) return;
        begin(claim);
      }
    },
    idle: async () => void (await Promise.all(underWay)),
  };
}

async function tell(deps: Deps, claim: NotificationClaim, deadlineMs: number): Promise<void> {
  const { db, keyring, egress, stopping } = deps;
  const settings = openNotification(claim.settingsSealed, claim.id, keyring);
  if (settings === null) return await failOpening(deps, claim);
  const sender = openNotificationSender(settings, egress, deadlineMs);
  const cut = () => void setTimeout(() => void sender.close(), stopMs).unref();
  stopping.addEventListener('abort', cut);
  let standing = claim;
  try {
    for (let told = 0; told < mostOfClaim && !stopping.aborted; told += 1) {
      const heldAt = performance.now();
      if (!(await holdNotification(db, claim, claimMs))) return;
      const next = await nextQueuedEvent(db, claim.id);
      if (next === null || !(await tellOne(deps, standing, sender, next, heldAt))) break;
      standing = { ...claim, failures: 0, failingForMs: 0 };
    }
    await releaseNotification(db, claim);
  } finally {
    stopping.removeEventListener('abort', cut);
    await sender.close();
  }
}

/** @returns whether the receiver may be told of the next one */
async function tellOne(
  deps: Deps,
  claim: NotificationClaim,
  sender: NotificationSender,
  next: QueuedEvent,
  heldAt: number,
): Promise<boolean> {
  const { event, attempts } = next;
  const message = { id: event.id, attempt: attempts + 1, body: payloadOf(event) };
  // A process that was stopped and wakes up has lost its claim, and sends nothing.
  const gate = { mayWrite: () => performance.now() - heldAt < leavesWithinMs };
  const outcome = await sender.send(message, gate);
  if (outcome.kind === 'delivered') {
    if (claim.failures > 0) deps.log.info({ notification: claim.name }, 'the receiver takes events again');
    return await deps.db.transaction((tx) => noteTold(tx, claim, event.number));
  }
  // A request that the end of this process has cut off says nothing of the receiver.
  if (deps.stopping.aborted || !('failure' in outcome)) return false;
  await fail(deps, claim, next, outcome);
  return false;
}

async function fail(
  deps: Deps,
  claim: NotificationClaim,
  next: QueuedEvent,
  outcome: Extract<Outcome, { failure: unknown }>,
): Promise<void> {
  const { errorClass, message, status } = outcome.failure;
  const failure: NotificationFailure = {
    at: new Date().toISOString(),
    errorClass,
    message,
    ...(status !== undefined && { status }),
  };
  const told = claim.failures === 0;
  if (told) deps.log.warn({ notification: claim.name, errorClass }, 'a receiver takes no event');
  const retryAfterMs = outcome.kind === 'throttled' ? outcome.retryAfterMs : null;
  await note(deps, claim, next, failure, retryAfterMs);
}

/** Sealed with a key that this process does not have: another one may have it. */
async function failOpening(deps: Deps, claim: NotificationClaim): Promise<void> {
  const next = await nextQueuedEvent(deps.db, claim.id);
  if (next === null) return await releaseNotification(deps.db, claim);
  await note(
    deps,
    claim,
    next,
    {
      at: new Date().toISOString(),
      errorClass: 'settings_unreadable',
      message:
        'Address and secret were sealed with another REPRISE_SECRET_KEY. Start the server with that key.',
    },
    null,
  );
}

async function note(
  { db, log }: Deps,
  claim: NotificationClaim,
  { event, attempts, triedForMs }: QueuedEvent,
  failure: NotificationFailure,
  retryAfterMs: number | null,
): Promise<void> {
  const { giveUp, pauseMs, retryMs } = afterFailure(
    {
      failures: claim.failures + 1,
      failingForMs: claim.failingForMs,
      attempts: attempts + 1,
      triedForMs,
      retryAfterMs,
    },
    Math.random(),
  );
  const gone = await db.transaction((tx) =>
    noteNotTold(tx, claim, {
      failure,
      eventNumber: event.number,
      pauseMs,
      retryMs,
      giveUp: giveUp === 'backlog' ? { olderThanMs: askAgainForMs } : giveUp,
    }),
  );
  if (gone !== null && gone > 0)
    log.warn({ notification: claim.name, events: gone }, 'events were given up on');
}
