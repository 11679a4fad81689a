import { renamedFilters, renamedFql } from '../../core/fql/renamed.ts';
import { idOf } from '../../core/named-person.ts';
import { toJsonb } from '../jsonb.ts';
import { sql, type Queryable } from '../sql.ts';
import type { ClaimedDeletion } from './claim.ts';
import { pseudonymOf } from './records.ts';

/** Gives each row whose filter names him what is left of him. @returns how many there were */
async function renameEach<R extends { readonly filter: string }>(
  rows: readonly R[],
  claim: ClaimedDeletion,
  update: (row: R, filter: string) => Promise<number>,
): Promise<number> {
  let changed = 0;
  for (const row of rows) {
    const other = renamedFql(row.filter, idOf(claim.person), pseudonymOf(claim.id));
    if (other !== row.filter) changed += await update(row, other);
  }
  return changed;
}

/** Filters of destinations name what is left of him. */
export async function renameInDestinations(tx: Queryable, claim: ClaimedDeletion): Promise<number> {
  const rows = await tx.rows<{ id: string; filter: string }>(
    sql`select id, filter from destination where filter is not null for no key update`,
  );
  return await renameEach(rows, claim, ({ id }, filter) =>
    tx.run(sql`update destination set filter = ${filter} where id = ${id}`),
  );
}

/** Triggers do, too: a version is never changed, but for what somebody has a right to. */
export async function renameInTriggers(tx: Queryable, claim: ClaimedDeletion): Promise<number> {
  const rows = await tx.rows<{ actionId: string; version: number; filter: string }>(sql`
    select action_id as "actionId", version, trigger as filter from action_version
    where trigger is not null for no key update`);
  return await renameEach(rows, claim, ({ actionId, version }, filter) =>
    tx.run(
      sql`update action_version set trigger = ${filter} where action_id = ${actionId} and version = ${version}`,
    ),
  );
}

interface KeptRequest {
  readonly selection: unknown;
  readonly request: unknown;
  readonly takeUp: unknown;
  readonly change: unknown;
}

/** And what runs keep of their requests: a replay that runs goes on with what is left of his events. */
export async function renameInRunFilters(tx: Queryable, claim: ClaimedDeletion): Promise<number> {
  const rows = await tx.rows<KeptRequest & { id: string }>(sql`
    select id, selection, request, take_up as "takeUp", change from run
    where jsonb_path_exists(jsonb_build_array(selection, request, take_up, change), '$.**.fql ? (@.type() == "string")')
      or jsonb_path_exists(jsonb_build_array(selection, take_up, change), '$.**.filter ? (@.type() == "string")')
    for no key update`);
  let changed = 0;
  for (const { id, ...kept } of rows) {
    const other = renamedFilters(kept, idOf(claim.person), pseudonymOf(claim.id)) as KeptRequest;
    if (JSON.stringify(other) === JSON.stringify(kept)) continue;
    changed += await tx.run(sql`
      update run set selection = ${toJsonb(other.selection)}::jsonb, request = ${toJsonb(other.request)}::jsonb,
        take_up = ${orNull(other.takeUp)}::jsonb, change = ${orNull(other.change)}::jsonb
      where id = ${id}`);
  }
  return changed;
}

const orNull = (value: unknown) => (value === null ? null : toJsonb(value));
