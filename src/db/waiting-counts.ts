import { sql, type Statement } from './sql.ts';

/** Counts of a lane in which nothing waits any more: what waited is neither settled nor lost, it remains. */
export function withoutWaiting(counts: Statement): Statement {
  return sql`${counts} || jsonb_build_object('events', coalesce(${counts} -> 'events', '{}') - 'waiting', 'byAction',
    (select coalesce(jsonb_object_agg(key, value - 'waiting'), '{}') from jsonb_each(${counts} -> 'byAction')))`;
}
