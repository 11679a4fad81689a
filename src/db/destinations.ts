import type { Budget } from '../core/budget.ts';
import type { Position } from '../core/event.ts';
import { insertAction, type NewAction } from './actions.ts';
import { atMicroseconds, microsecondsOf } from './instant.ts';
import { tellBudget } from './budget.ts';
import type { Unreachable } from './replay-reach.ts';
import type { Retention } from './retention/setting.ts';
import { readRuns, type RunRecord } from './runs.ts';
import { join, sql, type Queryable, type Statement } from './sql.ts';

/** An action in its newest version. */
export interface ActionRecord {
  readonly id: string;
  readonly name: string;
  /** The definition's name for what it does; null where the definition has one kind of action. */
  readonly action: string | null;
  readonly version: number;
  /** FQL; null takes every event. */
  readonly trigger: string | null;
  readonly mapping: Readonly<Record<string, unknown>>;
}

/** One connected destination with its actions and the open stretch of its stream. */
export interface DestinationRecord {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly enabled: boolean;
  /** Why the engine disabled it; null when a person did, or when it is enabled. */
  readonly disabledReason: string | null;
  readonly settingsSealed: string;
  /** null: events of all sources. */
  readonly sources: readonly string[] | null;
  /** Those of them that were deleted: nothing new comes from them. */
  readonly deletedSources: readonly string[];
  /** FQL; null: every event. */
  readonly filter: string | null;
  readonly budget: Budget;
  /** Where it keeps what it is sent, as people name it; null: not stated. */
  readonly region: string | null;
  /** Where its first stream run begins; null: it never had one. */
  readonly seam: Position | null;
  /** What lies before the seam and is not in the archive any more; null: all of it may be there. */
  readonly unreachable: Unreachable | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly actions: readonly ActionRecord[];
  readonly stream: RunRecord | null;
}

/** Where a page of destinations ended: creation time in microseconds since the epoch, and id. */
export type DestinationPlace = readonly [createdMicroseconds: number, id: string];

type Row = Omit<DestinationRecord, 'stream' | 'unreachable'> &
  Pick<Retention, 'keptFrom' | 'keptSince'> & { createdMicroseconds: number };

/**
 * Writes a new destination with the first version of its actions. It has neither stream nor seam yet.
 */
export async function insertDestination(
  tx: Queryable,
  destination: {
    id: string;
    type: string;
    name: string;
    enabled: boolean;
    settingsSealed: string;
    sources: readonly string[] | null;
    budget: Budget;
    filter?: string | null;
    region?: string | null;
    actions: readonly NewAction[];
  },
): Promise<void> {
  const { id, type, name, enabled, settingsSealed, sources, budget } = destination;
  const { filter = null, region = null } = destination;
  await tx.run(sql`
    insert into destination (id, type, name, enabled, settings_sealed, sources, filter, budget, region, seam)
    values (${id}, ${type}, ${name}, ${enabled}, ${settingsSealed},
      ${sources === null ? null : [...sources]}::uuid[], ${filter}, ${JSON.stringify(budget)}::jsonb, ${region}, 0)`);
  for (const action of destination.actions) await insertAction(tx, id, action);
}

/** Says where a destination's first stream run begins; a later stream changes nothing. */
export async function setSeam(tx: Queryable, id: string, seam: Position): Promise<void> {
  await tx.run(sql`update destination set seam = ${seam} where id = ${id} and seam = 0`);
}

/** One destination, null when there is none or it was deleted. */
export async function getDestination(db: Queryable, id: string): Promise<DestinationRecord | null> {
  return (await readDestinations(db, sql`d.id = ${id}`, 1))[0] ?? null;
}

/** Destinations, newest first. @param params.after where the page before ended */
export async function listDestinations(
  db: Queryable,
  params: { type?: string; enabled?: boolean; after?: DestinationPlace; limit: number },
): Promise<(DestinationRecord & { place: DestinationPlace })[]> {
  const { after, type = null, enabled = null } = params;
  const place =
    after === undefined
      ? sql`true`
      : sql`(d.created_at, d.id) < (${atMicroseconds(after[0])}, ${after[1]}::uuid)`;
  const where = sql`${place} and (${type}::text is null or d.type = ${type})
    and (${enabled}::boolean is null or d.enabled = ${enabled})`;
  return await readDestinations(db, where, params.limit);
}

/** Where a destination keeps what it is sent; null: not stated, or there is no such destination. */
export async function regionOf(db: Queryable, id: string): Promise<string | null> {
  const [row] = await db.rows<{ region: string | null }>(
    sql`select region from destination where id = ${id}`,
  );
  return row?.region ?? null;
}

/** Holds a destination's row for the caller's transaction. @returns false when there is none */
export async function lockDestination(tx: Queryable, id: string): Promise<boolean> {
  const rows = await tx.rows(
    sql`select 1 from destination where id = ${id} and deleted_at is null for no key update`,
  );
  return rows.length > 0;
}

/** What a change of a destination writes; an absent member stays as it is. */
export interface DestinationChange {
  readonly name?: string;
  readonly settingsSealed?: string;
  readonly sources?: readonly string[] | null;
  readonly filter?: string | null;
  readonly budget?: Budget;
  readonly enabled?: boolean;
  readonly region?: string | null;
}

/**
 * Writes a change of a destination. Whoever works one of its lanes sees it with the next commit: other settings end its
 * slice, so that the next one opens the destination with them, and another budget is obeyed as it is. Its stream must be
 * told of other sources and of another filter.
 */
export async function changeDestination(tx: Queryable, id: string, change: DestinationChange): Promise<void> {
  const { name, settingsSealed, sources, filter, budget, enabled, region } = change;
  const sets: Statement[] = [sql`updated_at = clock_timestamp()`];
  if (name !== undefined) sets.push(sql`name = ${name}`);
  if (settingsSealed !== undefined) sets.push(sql`settings_sealed = ${settingsSealed}`);
  if (sources !== undefined) sets.push(sql`sources = ${sources === null ? null : [...sources]}::uuid[]`);
  if (filter !== undefined) sets.push(sql`filter = ${filter}`);
  if (budget !== undefined) sets.push(sql`budget = ${JSON.stringify(budget)}::jsonb`);
  if (enabled !== undefined) sets.push(sql`enabled = ${enabled}`);
  if (region !== undefined) sets.push(sql`region = ${region}`);
  if (enabled === true) sets.push(sql`disabled_reason = null`);
  await tx.run(sql`update destination set ${join(sets, sql`, `)} where id = ${id} and deleted_at is null`);
  if (budget !== undefined) await tellBudget(tx, id);
}

/** Deletes a destination: it is disabled and no longer read, and its settings are gone. What it was sent stays known. */
export async function deleteDestination(tx: Queryable, id: string): Promise<void> {
  await tx.run(sql`
    update destination set deleted_at = now(), updated_at = clock_timestamp(), enabled = false, disabled_reason = 'deleted',
      settings_sealed = ''
    where id = ${id} and deleted_at is null`);
}

/** What a report calls a destination, and when it was deleted; null: it is there. */
export interface DestinationName {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly deletedAt: Date | null;
}

/** A destination's name, also after it was deleted. */
export async function destinationName(db: Queryable, id: string): Promise<DestinationName> {
  const [row] = await db.rows<DestinationName & Record<string, unknown>>(
    sql`select id, type, name, deleted_at as "deletedAt" from destination where id = ${id}`,
  );
  if (row === undefined) throw new Error(`there never was a destination ${id}`);
  return row;
}

async function readDestinations(db: Queryable, where: Statement, limit: number) {
  const rows = await db.rows<Row>(sql`
    select d.id, d.type, d.name, d.enabled, d.disabled_reason as "disabledReason",
      d.settings_sealed as "settingsSealed", d.sources,
      array(select s.id from source s where s.id = any(d.sources) and s.deleted_at is not null) as "deletedSources", d.filter, d.budget, d.region, nullif(d.seam, 0) as seam, d.created_at as "createdAt",
      r.kept_from as "keptFrom", r.kept_since as "keptSince",
      d.updated_at as "updatedAt", ${microsecondsOf(sql`d.created_at`)} as "createdMicroseconds",
      (select coalesce(json_agg(json_build_object(
          'id', a.id, 'name', a.name, 'action', a.definition_action, 'version', v.version, 'trigger', v.trigger,
          'mapping', v.mapping) order by a.created_at, a.id), '[]')
        from action a
        join lateral (select version, trigger, mapping from action_version
          where action_id = a.id order by version desc limit 1) v on true
        where a.destination_id = d.id and a.deleted_at is null) as actions
    from destination d cross join retention r where d.deleted_at is null and ${where}
    order by d.created_at desc, d.id desc limit ${limit}`);
  const streams = await openStreams(
    db,
    rows.map((row) => row.id),
  );
  return rows.map(({ createdMicroseconds, keptFrom, keptSince, ...row }) => ({
    ...row,
    unreachable: unreachableBefore(row.seam, { keptFrom, keptSince }),
    stream: streams.get(row.id) ?? null,
    place: [createdMicroseconds, row.id] as const,
  }));
}

async function openStreams(db: Queryable, ids: readonly string[]): Promise<Map<string, RunRecord>> {
  if (ids.length === 0) return new Map();
  const open = sql`r.kind = 'stream' and r.ended_at is null and r.destination_id = any(${[...ids]}::uuid[])`;
  const runs = await readRuns(db, open, ids.length);
  return new Map(runs.map((run) => [run.destinationId, run]));
}

function unreachableBefore(
  seam: Position | null,
  { keptFrom, keptSince }: Pick<Retention, 'keptFrom' | 'keptSince'>,
): Unreachable | null {
  const toPosition = Math.min((seam ?? 0) - 1, keptFrom - 1);
  return keptSince === null || toPosition < 1 ? null : { toPosition, before: keptSince.toISOString() };
}
