import { randomUUID } from 'node:crypto';
import type { PinnedAction } from './runs.ts';
import { sql, type Queryable } from './sql.ts';

/** What an action is to be. */
export interface NewAction {
  readonly name: string;
  /** The definition's name for what it does; null where the definition has one kind of action. */
  readonly action: string | null;
  /** FQL; null takes every event. */
  readonly trigger: string | null;
  readonly mapping: Readonly<Record<string, unknown>>;
}

/** An action that is there already, when it has an id, as it is to be from now on. */
export interface WantedAction extends NewAction {
  readonly id: string | null;
}

/** Writes an action with its first version. */
export async function insertAction(tx: Queryable, destinationId: string, action: NewAction): Promise<void> {
  const id = randomUUID();
  await tx.run(sql`
    insert into action (id, destination_id, name, definition_action, created_at)
    values (${id}, ${destinationId}, ${action.name}, ${action.action}, clock_timestamp())`);
  await insertVersion(tx, id, action);
}

/**
 * Makes a destination's actions those that are wanted. What changes in one that stays becomes a new version of it;
 * versions never change, and runs go on with those that they began with. One that is not wanted any more is deleted,
 * and what it has sent stays known.
 */
export async function changeActions(
  tx: Queryable,
  destinationId: string,
  wanted: readonly WantedAction[],
): Promise<void> {
  const kept = wanted.flatMap(({ id }) => (id === null ? [] : [id]));
  await tx.run(sql`
    update action set deleted_at = clock_timestamp()
    where destination_id = ${destinationId} and deleted_at is null and not id = any(${kept}::uuid[])`);
  for (const action of wanted) {
    if (action.id === null) await insertAction(tx, destinationId, action);
    else await changeAction(tx, action.id, action);
  }
}

/** An action in the version that a run works with. */
export interface ActionVersion extends PinnedAction {
  readonly action: string | null;
  readonly mapping: Readonly<Record<string, unknown>>;
}

/** Reads actions in these versions, deleted ones too: a run that began with them ends with them. */
export async function readActionVersions(
  db: Queryable,
  pinned: readonly PinnedAction[],
): Promise<ActionVersion[]> {
  return await db.rows<ActionVersion>(sql`
    select a.id as "actionId", v.version, a.definition_action as action, v.mapping
    from jsonb_to_recordset(${JSON.stringify(pinned)}::jsonb) as pinned("actionId" uuid, version integer)
    join action a on a.id = pinned."actionId"
    join action_version v on v.action_id = a.id and v.version = pinned.version`);
}

/** Names of actions by id, deleted ones too. */
export async function actionNames(db: Queryable, ids: readonly string[]): Promise<Map<string, string>> {
  const rows = await db.rows<{ id: string; name: string }>(
    sql`select id, name from action where id = any(${[...ids]}::uuid[])`,
  );
  return new Map(rows.map(({ id, name }) => [id, name]));
}

async function changeAction(tx: Queryable, id: string, action: NewAction): Promise<void> {
  await tx.run(sql`update action set name = ${action.name} where id = ${id}`);
  const [current] = await tx.rows<{ same: boolean }>(sql`
    select trigger is not distinct from ${action.trigger} and mapping = ${JSON.stringify(action.mapping)}::jsonb as same
    from action_version where action_id = ${id} order by version desc limit 1`);
  if (current?.same !== true) await insertVersion(tx, id, action);
}

async function insertVersion(tx: Queryable, actionId: string, action: NewAction): Promise<void> {
  await tx.run(sql`
    insert into action_version (action_id, version, trigger, mapping)
    select ${actionId}, coalesce(max(version), 0) + 1, ${action.trigger}, ${JSON.stringify(action.mapping)}::jsonb
    from action_version where action_id = ${actionId}`);
}
