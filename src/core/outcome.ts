import type { Position } from './event.ts';
import { tellsOf, type TellsOf } from './tells-of.ts';
import type { OutOfTime } from './time-rule.ts';

/**
 * How one attempt of a delivery ended. A refusal is a value, never an exception; what is unknown (a reset after the
 * request was written) is a transient failure, because sending again is the only safe answer.
 */
export type Outcome =
  /** The destination answered that it has the event. */
  | {
      readonly kind: 'delivered';
      /** What it said, of a few to be kept as samples. */
      readonly answer?: string;
      readonly tellsOf?: TellsOf;
    }
  /** The destination answers success whatever happens, or before it knows (its profile says so). */
  | { readonly kind: 'unconfirmable' }
  /** This event cannot be mapped or is malformed for the destination; nothing was sent. */
  | { readonly kind: 'invalid'; readonly failure: Failure }
  /** Its user must not be sent: nothing left this process. */
  | { readonly kind: 'suppressed' }
  /** The destination does not take events of its time any more: nothing left this process. */
  | { readonly kind: 'tooOld'; readonly reason: OutOfTime }
  /** The destination refuses it and would refuse it again: 400, 403, 404, 413, 422, 3xx, ... */
  | ({ readonly kind: 'refused'; readonly failure: Failure } & MaybeTogether)
  /** Worth another try: 5xx, 408, timeout, reset. */
  | ({ readonly kind: 'failed'; readonly failure: Failure } & MaybeTogether)
  /** The account may not send now: connection refused, DNS, TLS, 401. The destination counts as down. */
  | { readonly kind: 'down'; readonly failure: Failure }
  /** Slow down: 429, 503 with Retry-After. Not a failure of the event. */
  | { readonly kind: 'throttled'; readonly failure: Failure; readonly retryAfterMs: number | null }
  /** 410: the destination wants no more events; it gets disabled. */
  | { readonly kind: 'gone'; readonly failure: Failure }
  /** A later identify call of the same user says all that it says: nothing left this process. */
  | { readonly kind: 'superseded' }
  /** The lease ended before the request was written to its socket: nothing left this process. */
  | { readonly kind: 'notSent' };

interface MaybeTogether {
  /** One answer for a request of several deliveries: it does not tell which of them is at fault. */
  readonly together?: true;
}

/** What a person needs to understand a failed attempt. Texts are bounded and carry no secret. */
export interface Failure {
  /** Groups failures of one kind, e.g. `http_500`, `timeout`, `connection_refused`, `egress_refused`. */
  readonly errorClass: string;
  readonly message: string;
  readonly status?: number;
  /** When the attempt began, RFC 3339. */
  readonly at?: string;
  /** From then until its outcome was known, milliseconds. */
  readonly tookMs?: number;
  readonly request?: SentRequest;
  /** Absent when none came. */
  readonly response?: ReceivedAnswer;
  /** The events that left together: what was sent and answered may tell of each. Absent when it was sent alone. */
  readonly tellsOf?: TellsOf;
}

/** What was sent. Secret values stand as `[secret]`. */
export interface SentRequest {
  readonly method: string;
  /** Without query, fragment and credentials. */
  readonly url: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its start. */
  readonly body: string;
  /** Of the whole body. */
  readonly bodyBytes: number;
  /** How many deliveries it carried. */
  readonly deliveries: number;
}

/** What came back. */
export interface ReceivedAnswer {
  /** Those that tell something, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its start. */
  readonly body: string;
}

/** One answer as the outcome of each of the deliveries that its request carried. */
export function outcomesOf(answer: Outcome, deliveries: number): Outcome[] {
  if (deliveries === 1) return [answer];
  const isOfAll = answer.kind !== 'refused' && answer.kind !== 'failed';
  const outcome: Outcome = isOfAll ? answer : { ...answer, together: true };
  return Array.from({ length: deliveries }, () => outcome);
}

/** Outcomes of deliveries that left together: each notes whose texts it may hold. @param sent their events */
export function sharedOutcomes(
  outcomes: readonly Outcome[],
  sent: readonly { readonly entry: { readonly position: Position } }[],
): readonly Outcome[] {
  if (sent.length < 2 || !outcomes.some(holdsTexts)) return outcomes;
  const together = tellsOf([...new Set(sent.map(({ entry }) => entry.position))]);
  return outcomes.map((outcome) => {
    if (!holdsTexts(outcome)) return outcome;
    if ('failure' in outcome) return { ...outcome, failure: { ...outcome.failure, tellsOf: together } };
    return { ...outcome, tellsOf: together };
  });
}

const holdsTexts = (
  outcome: Outcome,
): outcome is Extract<Outcome, { failure: Failure } | { kind: 'delivered' }> =>
  'failure' in outcome || (outcome.kind === 'delivered' && outcome.answer !== undefined);

/** What is left of a failure once somebody of whom it may tell is forgotten. */
export function emptied({ errorClass, status, at }: Failure): Failure {
  return {
    errorClass,
    ...(status !== undefined && { status }),
    ...(at !== undefined && { at }),
    message: forgotten,
  };
}

const forgotten = 'Deleted: it named somebody who is forgotten.';
