import type { NamedAction } from '../core/means-action.ts';
import { sql, type Queryable } from './sql.ts';

/** An action in the version that a replay works with. */
export interface ReplayAction extends NamedAction {
  readonly mapping: Readonly<Record<string, unknown>>;
}

/** A replay that may send now, by what it was allowed. */
export interface ReplayToBrake {
  readonly destinationId: string;
  readonly type: string;
  readonly actions: readonly ReplayAction[];
  readonly allowed: readonly string[];
}

/**
 * What a replay uses and what it was allowed; null: it is none, it may not send now, or somebody has released this brake.
 * One of failures uses the actions of the dead letters that it has taken up. Uses primary keys and
 * dead_letter_retried_by.
 */
export async function readReplayToBrake(
  db: Queryable,
  runId: string,
  brake: string,
): Promise<ReplayToBrake | null> {
  const [replay] = await db.rows<ReplayToBrake & Record<string, unknown>>(sql`
    select d.id as "destinationId", d.type, coalesce(r.request -> 'allowSideEffects', '[]') as allowed,
      (select coalesce(json_agg(json_build_object('id', a.id, 'name', a.name, 'action', a.definition_action, 'mapping', v.mapping)), '[]')
        from jsonb_to_recordset(r.actions) as pinned("actionId" uuid, version integer)
        join action a on a.id = pinned."actionId"
        join action_version v on v.action_id = a.id and v.version = pinned.version
        where r.mode <> 'failed' or exists (
          select 1 from dead_letter l where l.retried_by = r.id and l.action_id = a.id)) as actions
    from run r join destination d on d.id = r.destination_id
    where r.id = ${runId} and r.kind = 'replay' and r.desired = 'running' and r.ended_at is null
      and ${brake} <> all(r.brakes_released)`);
  return replay ?? null;
}
