import { decide } from './decide.ts';
import type { Position } from './event.ts';
import type { OutOfTime } from './time-rule.ts';

/** How an action stands with an event, in the words of a run's counts; `remaining` and `missing` have left nothing yet. */
export const standings = [
  'waiting',
  'dead',
  'delivered',
  'suppressed',
  'tooOld',
  'filtered',
  'remaining',
  'missing',
] as const;
export type Standing = (typeof standings)[number];

/** What a run has left of one event and one action. */
export interface Trace {
  readonly runId: string;
  readonly runNumber: number;
  readonly mode: 'missing' | 'all' | 'failed';
  readonly state: 'waiting' | 'dead' | 'bit';
  /** Of a bit: the run numbers of the runs that had the event before this one, since the action's epoch. */
  readonly before: readonly number[];
  /** It went to an account that the destination has no more. */
  readonly toFormerAccount: boolean;
}

/** How a delivery ended in one run, or stands there. */
export type Ended = 'waiting' | 'dead' | 'delivered' | 'alreadyDelivered';

/** A dead letter that a replay took up, as far as it matters here. */
export interface TakenUp {
  readonly diedInMode: Trace['mode'];
  readonly diedInRun: number;
}

/**
 * How a delivery ended in a run, by the rule that the engine itself decides by.
 * @param takenUp of a replay of failures: the letter that it took up
 */
export function endedAs(trace: Trace, takenUp: TakenUp | null): Ended {
  if (trace.state !== 'bit') return trace.state;
  const counted =
    takenUp === null || takenUp.diedInMode === 'missing'
      ? trace.before
      : trace.before.filter((number) => number > takenUp.diedInRun);
  const decision = decide(trace.mode, {
    ownBit: true,
    otherBit: counted.length > 0,
    ownRow: null,
    waitsElsewhere: false,
    asked: true,
    triggered: true,
    passes: true,
    optedOut: false,
    suppressed: false,
    outOfTime: null,
    confirms: true,
  });
  return decision.kind === 'settled' && decision.bucket === 'alreadyDelivered'
    ? 'alreadyDelivered'
    : 'delivered';
}

/** The stretch of a stream that an event lies in, or the last one before it. */
export interface StretchFacts {
  /** Null: it goes on. */
  readonly toPosition: Position | null;
  readonly mark: Position;
  readonly paused: boolean;
  readonly held: boolean;
  /** It has the action. */
  readonly hasAction: boolean;
  /** Its selection takes the event. */
  readonly selects: boolean;
}

/** What is known of an event and an action that no run has left a trace of, or only one that no longer counts. */
export interface Untouched {
  readonly position: Position;
  readonly live: boolean;
  /** The destination takes events of its source. */
  readonly sourceTaken: boolean;
  readonly triggered: boolean;
  /** The destination's filter takes it. */
  readonly passes: boolean;
  readonly optedOut: boolean;
  readonly suppressed: boolean;
  /** Why a replay does not send an event of its time there. */
  readonly outOfTime: OutOfTime | null;
  /** Null: the destination never had a stream. */
  readonly seam: Position | null;
  readonly stretch: StretchFacts | null;
  /** A running replay selects it and has not come to it. */
  readonly replayComes: boolean;
  /** An account that is gone had it. */
  readonly formerAccountHadIt: boolean;
}

/** Why an action has nothing of an event, each told as far as it can be known. */
export const untouchedReasons = {
  sources: 'The destination does not take events of its source.',
  trigger: 'The action’s trigger does not take it.',
  filter: 'The destination’s own filter does not take it.',
  integrations: 'The event’s own `integrations` say that it is not for the destination.',
  not_reached: 'The stream has not come to it yet.',
  stream_paused: 'The stream has not come to it, because it is paused.',
  stream_held: 'The stream has not come to it, because the destination is down: it is probed.',
  replay_comes: 'A replay that runs has yet to come to it.',
  no_stream: 'The destination never had a stream. A replay can send it.',
  before_seam: 'It came before the destination was connected. A replay can send it.',
  imported: 'It is imported history, which streams pass over. A replay can send it.',
  while_disabled: 'It came while the destination was disabled. A replay can send it.',
  action_added_later: 'The stream passed it before the action was there. A replay can send it.',
  not_selected_then: 'The stream did not take it then; by today’s sources it would. A replay can send it.',
  new_account: 'The account that had it was replaced by another one. A replay can send it.',
  older_than_taken: 'It is older than the destination takes: a replay does not send it.',
  later_than_taken:
    'Its time lies further in the future than the destination takes: a replay does not send it yet.',
  passed_over:
    'The stream passed it without a delivery: it was filtered, suppressed or invalid then, or it had waited and was dropped. A replay can send it.',
} as const;
export type UntouchedReason = keyof typeof untouchedReasons;

/** How an action stands with an event that it does not have, by what would be decided about it now. */
export function standingOfUntouched(facts: Untouched): {
  readonly status: 'suppressed' | 'tooOld' | 'filtered' | 'remaining' | 'missing';
  readonly reason: UntouchedReason | null;
} {
  if (!facts.sourceTaken) return { status: 'filtered', reason: 'sources' };
  const { triggered, passes, optedOut, suppressed } = facts;
  const decision = decide('missing', {
    ownBit: false,
    otherBit: false,
    ownRow: null,
    waitsElsewhere: false,
    asked: true,
    triggered,
    passes,
    optedOut,
    suppressed,
    outOfTime: null, // a stream sends it
    confirms: true,
  });
  if (decision.kind === 'settled') {
    const isSuppressed = decision.bucket === 'suppressed';
    return isSuppressed
      ? { status: 'suppressed', reason: null }
      : { status: 'filtered', reason: decision.reason as UntouchedReason };
  }
  const comes = whatComes(facts);
  if (facts.outOfTime !== null && (comes === null || comes === 'replay_comes'))
    return { status: 'tooOld', reason: facts.outOfTime };
  if (comes !== null) return { status: 'remaining', reason: comes };
  return { status: 'missing', reason: whyMissing(facts) };
}

/** Who will yet come to it, null when nobody will. */
function whatComes({ position, live, stretch, replayComes }: Untouched): UntouchedReason | null {
  if (replayComes) return 'replay_comes';
  const ahead = stretch !== null && stretch.toPosition === null && position > stretch.mark;
  if (!live || !ahead || !stretch.hasAction || !stretch.selects) return null;
  if (stretch.paused) return 'stream_paused';
  return stretch.held ? 'stream_held' : 'not_reached';
}

function whyMissing({ position, live, seam, stretch, formerAccountHadIt }: Untouched): UntouchedReason {
  if (formerAccountHadIt) return 'new_account';
  if (!live) return 'imported';
  if (seam === null) return 'no_stream';
  if (position < seam || stretch === null) return 'before_seam';
  if (stretch.toPosition !== null && position > stretch.toPosition) return 'while_disabled';
  if (!stretch.hasAction) return 'action_added_later';
  return stretch.selects ? 'passed_over' : 'not_selected_then';
}
