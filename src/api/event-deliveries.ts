import type { z } from 'zod';
import {
  endedAs,
  standingOfUntouched,
  type Ended,
  type StretchFacts,
  type TakenUp,
  type Trace,
} from '../core/delivery-standing.ts';
import type { ArchivedEvent, Position } from '../core/event.ts';
import { filtersOf, letThrough, verdictOf, type Verdict } from '../core/event-filters.ts';
import { outOfTime } from '../core/time-rule.ts';
import { optsOut } from '../core/integrations.ts';
import type { Failure } from '../core/outcome.ts';
import type { Selection } from '../core/selection.ts';
import {
  actionsAt,
  archivedEventAt,
  bitsOfEvent,
  deadOfEvent,
  selectionsTaking,
  shownRuns,
  waitingOfEvent,
  type ActionFacts,
  type BitTrace,
  type DeadTrace,
  type WaitingTrace,
} from '../db/event-traces.ts';
import type { Queryable } from '../db/sql.ts';
import { suppressedAmong } from '../db/suppressions.ts';
import { profileOf } from '../destinations/catalog/profile-of.ts';
import { timeRuleOf } from '../destinations/catalog/replay-rules.ts';
import { deliveryId, deliveryName } from '../destinations/delivery-id.ts';
import type { EventDelivery } from './schemas/event-delivery.ts';

type Shown = z.input<typeof EventDelivery>;
type Left =
  | (BitTrace & { readonly state: 'bit' })
  | (WaitingTrace & { readonly state: 'waiting' })
  | (DeadTrace & { readonly state: 'dead' });

/**
 * Every delivery of an event, over all destinations, actions and runs; of actions that have none, why. Seven queries,
 * however many of them there are.
 */
export async function deliveriesOf(db: Queryable, position: Position): Promise<Shown[]> {
  const event = await archivedEventAt(db, position);
  if (event === null) return [];
  // In this order: what stops waiting in between has its bit, or its letter, by then.
  const waiting = await waitingOfEvent(db, position);
  const [bits, dead] = await Promise.all([bitsOfEvent(db, position), deadOfEvent(db, position)]);
  const left = Map.groupBy(inTime(waiting, bits, dead), ({ actionId }) => actionId);
  const actions = await actionsAt(db, event, [...left.keys()]);
  const [takes, suppression] = await Promise.all([
    readTaken(db, event, actions),
    suppressedAmong(db, [event]),
  ]);
  const suppressed = suppression?.(event) === true;
  return actions.map((action) => show(event, action, left.get(action.actionId) ?? [], { takes, suppressed }));
}

function inTime(
  waiting: readonly WaitingTrace[],
  bits: readonly BitTrace[],
  dead: readonly DeadTrace[],
): Left[] {
  const settled = new Set([...bits, ...dead].map(keyOf));
  const all: Left[] = [
    ...bits.map((trace) => ({ ...trace, state: 'bit' as const })),
    ...dead.map((trace) => ({ ...trace, state: 'dead' as const })),
    ...waiting
      .filter((trace) => !settled.has(keyOf(trace)))
      .map((trace) => ({ ...trace, state: 'waiting' as const })),
  ];
  return all.toSorted(
    (one, other) =>
      one.startedAt.getTime() - other.startedAt.getTime() || one.runNumber - other.runNumber || 0,
  );
}

const keyOf = ({ runId, actionId }: { runId: string; actionId: string }) => `${runId}/${actionId}`;

type Takes = (selection: Selection) => boolean;

/** Asks the database once which of the selections that stretches and replays have take the event. */
async function readTaken(
  db: Queryable,
  event: ArchivedEvent,
  actions: readonly ActionFacts[],
): Promise<Takes> {
  const selections = new Map(
    actions
      .flatMap(({ stretch, replay }) => [stretch?.selection, replay?.selection])
      .filter((selection) => selection !== undefined)
      .map((selection) => [JSON.stringify(selection), selection]),
  );
  const answers = await selectionsTaking(db, event.position, [...selections.values()]);
  const taking = new Set([...selections.keys()].filter((_, index) => answers[index] === true));
  return (selection) => taking.has(JSON.stringify(selection)) && verdictBy(event, selection).selected;
}

function show(
  event: ArchivedEvent,
  action: ActionFacts,
  left: readonly Left[],
  known: { readonly takes: Takes; readonly suppressed: boolean },
): Shown {
  const { destinationId, destinationName, destinationType, actionId, actionName, gone } = action;
  const runs = left.map((trace) =>
    showRun(event.position, trace, endedAs(toTrace(trace), takenUp(trace, left))),
  );
  const counting = runs.filter((run) => !run.toFormerAccount);
  const last = counting.at(-1)?.status;
  const { status, reason } =
    last === undefined
      ? standingOfUntouched(untouched(event, action, runs.length > 0, known))
      : { status: last === 'alreadyDelivered' ? ('delivered' as const) : last, reason: null };
  return {
    destinationId,
    destinationName,
    destinationType,
    actionId,
    actionName,
    gone,
    status,
    reason,
    deliveryId: deliveryId(deliveryName(destinationId, actionId, event.position)),
    runs,
    runsOmitted: omitted(left),
  };
}

/** How many runs have left a bit, or a letter, that is not told. */
function omitted(left: readonly Left[]): number {
  const of = (state: 'bit' | 'dead') => left.find((trace) => trace.state === state) as BitTrace | undefined;
  return [of('bit'), of('dead')].reduce((sum, one) => sum + Math.max(0, (one?.of ?? 0) - shownRuns), 0);
}

function toTrace(trace: Left): Trace {
  const { runId, runNumber, mode, state } = trace;
  const isBit = state === 'bit';
  return {
    runId,
    runNumber,
    mode,
    state,
    before: isBit ? trace.before : [],
    toFormerAccount: isBit && trace.toFormerAccount,
  };
}

function takenUp({ runId, mode }: Left, left: readonly Left[]): TakenUp | null {
  if (mode !== 'failed') return null;
  const letter = left.find((trace) => trace.state === 'dead' && trace.retriedBy === runId);
  return letter === undefined ? null : { diedInMode: letter.mode, diedInRun: letter.runNumber };
}

function untouched(
  event: ArchivedEvent,
  action: ActionFacts,
  formerAccountHadIt: boolean,
  { takes, suppressed }: { readonly takes: Takes; readonly suppressed: boolean },
): Parameters<typeof standingOfUntouched>[0] {
  const { destinationId: id, destinationName: name, destinationType: type, sources, seam, replay } = action;
  const { actionId, trigger, filter } = action;
  const rule = timeRuleOf(profileOf(type));
  return {
    position: event.position,
    live: event.live,
    sourceTaken: sources === null || sources.includes(event.sourceId),
    triggered: trigger === null || verdictBy(event, {}, { [actionId]: trigger }).untriggered.length === 0,
    passes: filter === null || verdictBy(event, { filter }).passes,
    optedOut: optsOut(event.integrations, { id, name, type }),
    suppressed,
    outOfTime: rule === null ? null : outOfTime(rule, event.timestamp.getTime(), Date.now()),
    seam,
    stretch: stretchOf(action, takes),
    replayComes: replay !== null && takes(replay.selection),
    formerAccountHadIt,
  };
}

function verdictBy(
  event: ArchivedEvent,
  selection: Selection,
  triggers: Record<string, string> = {},
): Verdict {
  const filters = filtersOf(selection, triggers);
  return filters === null ? letThrough : verdictOf(event, filters);
}

function stretchOf({ stretch }: ActionFacts, takes: Takes): StretchFacts | null {
  return stretch === null ? null : { ...stretch, selects: takes(stretch.selection) };
}

function showRun(position: Position, trace: Left, status: Ended): Shown['runs'][number] {
  const { destinationId, actionId, kind, runId, newIds, actionVersion } = trace;
  const replayId = kind === 'replay' ? runId : null;
  const name = deliveryName(destinationId, actionId, position, newIds ? runId : undefined);
  return {
    kind,
    replayId,
    replay: replayId === null ? null : `/api/replays/${replayId}`,
    actionVersion,
    status,
    deliveryId: deliveryId(name),
    ...timesOf(trace),
    attempts: trace.state === 'bit' ? null : trace.attempts,
    firstFailedAt: trace.state === 'bit' ? null : (trace.firstFailedAt?.toISOString() ?? null),
    nextRetryAt: trace.state === 'waiting' ? (trace.dueAt?.toISOString() ?? null) : null,
    failure: trace.state === 'bit' || trace.failure === null ? null : showFailure(trace.failure),
    deadLetterId: trace.state === 'dead' ? trace.id : null,
    retriedBy: trace.state === 'dead' ? trace.retriedBy : null,
    toFormerAccount: trace.state === 'bit' && trace.toFormerAccount,
  };
}

function timesOf(trace: Left): { from: string | null; to: string | null } {
  if (trace.state === 'waiting') return { from: null, to: null };
  const [from, to] = trace.state === 'bit' ? [trace.firstAt, trace.lastAt] : [trace.diedAt, trace.diedAt];
  return { from: from.toISOString(), to: to.toISOString() };
}

function showFailure({ errorClass, message, status, at }: Failure) {
  return { errorClass, message, ...(status !== undefined && { status }), ...(at !== undefined && { at }) };
}
