import type { Budget } from '../core/budget.ts';
import { lanesOf } from '../core/concurrency.ts';
import { bucketCount, type Position } from '../core/event.ts';
import { laneBuckets } from '../core/lease.ts';
import type { ReplayRange, ReplayRequest } from '../core/replay-request.ts';
import { brakeReasons, canaryReasons, scheduled } from '../core/replay-status.ts';
import { tellBudget } from './budget.ts';
import { cancelPlanned, waitsForReplay } from './planned-replays.ts';
import { countReplay } from './replay-count.ts';
import { reachOf } from './replay-reach.ts';
import { scheduleOf } from './replay-schedules.ts';
import { endRunIfDue, lockRun } from './run-end.ts';
import { currentActions, readRuns, type RunRecord } from './runs.ts';
import { ownAudit } from './audit/write.ts';
import { sql, type Queryable, type Statement } from './sql.ts';
import type { DeadLetterChoice } from './dead-letter-holders.ts';
import { lastTaker, newTakeUp } from './take-up.ts';

const countLimitMs = 1_000;

/** What creating a replay ended in. */
export type CreateReplay =
  | { readonly kind: 'created'; readonly replay: RunRecord }
  | { readonly kind: 'replay_running'; readonly replayId: string }
  | { readonly kind: 'destination_gone'; readonly reason: string }
  | { readonly kind: 'no_destination' }
  /** Of a choice of dead letters none is open; the caller takes its transaction back. */
  | { readonly kind: 'nothing_to_retry'; readonly takenBy: string | null };

export interface NewReplay {
  readonly id: string;
  readonly destinationId: string;
  /** With its range frozen. */
  readonly request: ReplayRequest;
  readonly parentId?: string;
  /** Of a replay of failures: which of them, beside what its request selects. */
  readonly choice?: DeadLetterChoice;
  /** When the destination is busy with another replay: refused unless said, else planned until that one has ended. */
  readonly whenBusy?: 'refuse' | 'wait';
}

/**
 * Writes the row of a replay and its lanes in the caller's transaction. The range is cut where the destination's
 * stream owns (its lowest mark), or at the head of the archive when it has no stream. What it selects is counted for
 * at most a second; the rest is counted while it runs. One that starts later is planned, whatever runs now. A replay of failures takes up the dead letters that are open now:
 * it marks them as it counts.
 */
export async function createReplay(tx: Queryable, params: NewReplay): Promise<CreateReplay> {
  const { id } = params;
  const destination = await lockDestination(tx, params.destinationId);
  if (destination === null) return { kind: 'no_destination' };
  if (destination.disabled_reason !== null)
    return { kind: 'destination_gone', reason: destination.disabled_reason };
  const { request } = params;
  const { schedule, later } = await scheduleOf(tx, request.schedule);
  const running = await runningReplay(tx, params.destinationId);
  if (running !== null && params.whenBusy !== 'wait' && !later)
    return { kind: 'replay_running', replayId: running };
  const waitsFor = later ? scheduled : running === null ? null : waitsForReplay;
  const { from, to, cutToStream, selection, unreachable } = await reachOf(tx, request, destination);
  const retries = request.mode === 'failed';
  const takeUp = retries ? await newTakeUp(tx, params.destinationId, params.choice ?? {}) : null;
  const actions = await currentActions(tx, params.destinationId, request.actions ?? null);
  const canary = request.canary === undefined ? null : JSON.stringify(request.canary);
  await tx.run(sql`
    insert into run (id, destination_id, kind, parent_id, label, labels, note, schedule, request, cut_to_stream, from_position, to_position,
      selection, mode, new_ids, actions, order_by, canary, events_per_second, max_concurrent, counted_to, take_up, desired,
      status_reason, unreachable)
    values (${id}, ${params.destinationId}, 'replay', ${params.parentId ?? null}, ${request.label ?? null},
      ${[...(request.labels ?? [])]}::text[], ${request.note ?? null}, ${schedule === null ? null : JSON.stringify(schedule)}::jsonb,
      ${JSON.stringify(request)}::jsonb, ${cutToStream}, ${from}, ${to},
      ${JSON.stringify({ ...selection, ...(retries && { retriedBy: id }) })}::jsonb, ${request.mode}, ${request.newIds},
      ${JSON.stringify(actions)}::jsonb, ${request.order}, ${canary}::jsonb, ${request.pace.eventsPerSecond ?? null},
      ${request.pace.maxConcurrent ?? null}, ${from - 1}, ${takeUp === null ? null : JSON.stringify(takeUp)}::jsonb,
      ${waitsFor === null ? 'running' : 'planned'}, ${waitsFor},
      ${unreachable === null ? null : JSON.stringify(unreachable)}::jsonb)`);
  await insertLanes(tx, id, lanesFor(request, destination), from - 1);
  const countUntil = performance.now() + countLimitMs;
  const counted = await countReplay(tx, id, () => performance.now() < countUntil);
  const replay = (await getReplay(tx, id))!;
  if (counted && replay.selected === 0 && params.choice !== undefined) {
    return { kind: 'nothing_to_retry', takenBy: await lastTaker(tx, params.destinationId, params.choice) };
  }
  return { kind: 'created', replay };
}

/** As many lanes as were asked for, if each may have a request under way. */
function lanesFor({ pace }: ReplayRequest, destination: { budget: Budget; enabled: boolean }): number {
  return lanesOf({
    asked: pace.lanes ?? 1,
    pace: pace.maxConcurrent,
    account: destination.budget.maxConcurrent,
    streams: destination.enabled,
  });
}

/** One replay, null when there is none of that id. */
export async function getReplay(db: Queryable, id: string): Promise<RunRecord | null> {
  return (await readRuns(db, sql`r.id = ${id} and r.kind = 'replay'`))[0] ?? null;
}

/** What a change of a replay's desired state ended in. */
export type ChangeReplay =
  | { readonly kind: 'changed' | 'unchanged'; readonly replay: RunRecord }
  | { readonly kind: 'ended'; readonly replay: RunRecord }
  /** It has not begun, and is not paused: there is nothing to resume. */
  | { readonly kind: 'planned'; readonly replay: RunRecord }
  | { readonly kind: 'no_replay' };

/**
 * Writes what is wanted of a replay; the engine obeys. A cancelled replay stays cancelled. A planned one that is paused is
 * held back; resumed, it is planned as before, and the caller begins it if its time has come. The reason stays readable
 * as `statusReason`. Who resumes a replay has seen why it stood: its canary is approved, its brake released.
 */
export async function setReplayDesired(
  db: Queryable,
  id: string,
  desired: 'running' | 'paused' | 'cancelled',
  reason: string | null = null,
): Promise<ChangeReplay> {
  if (desired === 'cancelled' && (await cancelPlanned(db, id, reason))) return await changeOf(db, id, 1);
  const resumes = sql`${desired === 'running'}::boolean`;
  const holdsBack = desired === 'paused';
  const changed = await db.run(sql`
    update run set desired = case when desired = 'planned' then desired else ${desired} end,
      held_back = desired = 'planned' and ${holdsBack}::boolean,
      status_reason = case when desired = 'planned' then status_reason else ${reason} end, revision = revision + 1,
      canary_passed = canary_passed or ${resumes} and ${stoodFor(canaryReasons)},
      brakes_released = brakes_released || case
        when ${resumes} and ${stoodFor(brakeReasons)} and status_reason <> all(brakes_released)
        then array[status_reason] else '{}' end
    where id = ${id} and kind = 'replay' and ended_at is null and desired not in ('cancelled', ${desired})
      and (desired <> 'planned' or ${desired !== 'cancelled'}::boolean and held_back <> ${holdsBack}::boolean)`);
  if (changed > 0 && desired === 'running') await forgetRefusals(db, id);
  return await changeOf(db, id, changed, desired);
}

/**
 * Pauses a replay that does harm, unless somebody has released that brake meanwhile, and tells the audit log of it in the
 * same statement.
 * @returns whether it paused now
 */
export async function brakeReplay(db: Queryable, id: string, reason: string): Promise<boolean> {
  const paused = await db.run(sql`
    with paused as (
      update run set desired = 'paused', status_reason = ${reason}, revision = revision + 1
      where id = ${id} and kind = 'replay' and ended_at is null and desired = 'running'
        and ${reason} <> all(brakes_released)
      returning id
    )
    ${ownAudit('brakeReplay', {
      resource: sql`'/api/replays/' || id`,
      before: { desired: 'running' },
      after: { desired: 'paused', statusReason: reason },
      from: sql`paused`,
    })}`);
  return paused > 0;
}

/** Who resumes a replay that was refused has mended something: its lanes begin at full speed, not with a probe. */
async function forgetRefusals(db: Queryable, id: string): Promise<void> {
  const refused = ['destination_refuses', 'unauthorized'];
  await db.run(sql`
    update lane set state = 'ready', state_reason = null, hold_ms = null, held_since = null, wake_at = null
    where run_id = ${id} and state = 'held' and split_part(state_reason, ':', 1) = any(${refused}::text[])`);
}

/** A replay cannot have fewer requests at once than lanes: each needs one of its own. */
export interface TooFewConnections {
  readonly kind: 'too_few_connections';
  readonly lanes: number;
}

/** Changes a replay's pace while it runs; null takes a limit away, absent leaves it. */
export async function setReplayPace(
  db: Queryable,
  id: string,
  pace: { eventsPerSecond?: number | null; maxConcurrent?: number | null },
): Promise<ChangeReplay | TooFewConnections> {
  const before = await getReplay(db, id); // its lanes never change
  const lanes = before?.lanes.length ?? 0;
  if (before?.endedAt === null && (pace.maxConcurrent ?? lanes) < lanes)
    return { kind: 'too_few_connections', lanes };
  const changed = await db.run(sql`
    update run set revision = revision + 1,
      events_per_second = case when ${'eventsPerSecond' in pace}::boolean then ${pace.eventsPerSecond ?? null}::float8 else events_per_second end,
      max_concurrent = case when ${'maxConcurrent' in pace}::boolean then ${pace.maxConcurrent ?? null}::integer else max_concurrent end
    where id = ${id} and kind = 'replay' and ended_at is null and desired <> 'cancelled'`);
  const change = await changeOf(db, id, changed);
  if (change.kind === 'changed') await tellBudget(db, change.replay.destinationId);
  return change;
}

/**
 * Gives a replay another range; what it reaches is cut as at its creation. Without a holder that happens here and now,
 * else as soon as every lane is let go.
 */
export async function setReplayRange(tx: Queryable, id: string, range: ReplayRange): Promise<ChangeReplay> {
  await lockRun(tx, id);
  const changed = await tx.run(sql`
    update run set request = jsonb_set(request, '{range}', ${JSON.stringify(range)}::jsonb), revision = revision + 1,
      first_range = coalesce(first_range, request -> 'range'),
      change = jsonb_build_object('range', ${JSON.stringify(range)}::jsonb)
    where id = ${id} and kind = 'replay' and ended_at is null and desired <> 'cancelled'`);
  if (changed > 0) await endRunIfDue(tx, id);
  return await changeOf(tx, id, changed);
}

/** Whether a run's reason is one of these, whatever follows it behind a colon. */
function stoodFor(reasons: readonly string[]): Statement {
  return sql`coalesce(split_part(status_reason, ':', 1) = any(${[...reasons]}::text[]), false)`;
}

async function changeOf(db: Queryable, id: string, changed: number, desired?: string): Promise<ChangeReplay> {
  const replay = await getReplay(db, id);
  if (replay === null) return { kind: 'no_replay' };
  if (changed > 0) return { kind: 'changed', replay };
  const isHeldBack = replay.desired === 'planned' && replay.heldBack;
  const stands = isHeldBack ? 'paused' : replay.desired;
  if (replay.endedAt === null && stands === desired) return { kind: 'unchanged', replay };
  if (replay.desired === 'planned') return { kind: 'planned', replay };
  return { kind: 'ended', replay };
}

async function lockDestination(tx: Queryable, id: string) {
  const [row] = await tx.rows<{
    sources: string[] | null;
    filter: string | null;
    disabled_reason: string | null;
    budget: Budget;
    enabled: boolean;
  }>(sql`
    select sources, filter, disabled_reason, budget, enabled from destination where id = ${id} and deleted_at is null for no key update`);
  return row ?? null;
}

/**
 * The replay that occupies a destination. One that was cancelled and that nobody works any more is ended first; a
 * planned one may follow it at once.
 */
export async function runningReplay(tx: Queryable, destinationId: string): Promise<string | null> {
  for (;;) {
    const [row] = await tx.rows<{ id: string }>(sql`
      select id from run where destination_id = ${destinationId} and kind = 'replay'
        and ended_at is null and desired <> 'planned'`);
    if (row === undefined) return null;
    if ((await endRunIfDue(tx, row.id))?.endedAt === null) return row.id;
  }
}

async function insertLanes(tx: Queryable, runId: string, lanes: number, mark: Position): Promise<void> {
  for (const [lane, range] of laneBuckets(lanes, bucketCount).entries()) {
    await tx.run(sql`
      insert into lane (run_id, lane, bucket_from, bucket_to, mark)
      values (${runId}, ${lane}, ${range.from}, ${range.to}, ${mark})`);
  }
}
