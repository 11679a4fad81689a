import { treeOf } from '../../core/fql/compiled.ts';
import { isOfColumns } from '../../core/fql/tree.ts';
import type { Selection, SelectionLists } from '../../core/selection.ts';
import { join, sql, type Statement } from '../sql.ts';
import { fqlSql } from './fql-sql.ts';
import { lookUpText } from './look-up-text.ts';

const never = sql`false`;
const always = sql`true`;

/**
 * The condition on table `event`, aliased `e`, that a selection stands for; never null. FQL that asks for more than
 * columns is no part of it, nor is the destination's filter: who reads the events decides them (`core/event-filters.ts`).
 */
export function selectionSql(selection: Selection): Statement {
  const { exclude } = selection;
  const conditions = listConditions(selection);
  if (selection.receivedFrom !== undefined) conditions.push(sql`e.received_at >= ${selection.receivedFrom}`);
  if (selection.receivedTo !== undefined) conditions.push(sql`e.received_at < ${selection.receivedTo}`);
  if (selection.timestampFrom !== undefined) conditions.push(sql`e.timestamp >= ${selection.timestampFrom}`);
  if (selection.timestampTo !== undefined) conditions.push(sql`e.timestamp < ${selection.timestampTo}`);
  if (exclude !== undefined) {
    const named = listConditions(exclude);
    if (named.length > 0) conditions.push(sql`not (${join(named, sql` or `)})`);
  }
  if (selection.retriedBy !== undefined) {
    // Uses dead_letter_retried_by.
    conditions.push(sql`e.position in (
      select taken.position from dead_letter taken where taken.retried_by = ${selection.retriedBy})`);
  }
  if (selection.liveOnly === true) conditions.push(sql`e.live`);
  return conditions.length === 0 ? always : join(conditions, sql` and `);
}

/** One condition per list. Columns that may be null are compared so that null is "not named", never unknown. */
function listConditions({ types, names, users, sources, fql }: SelectionLists): Statement[] {
  const conditions: Statement[] = [];
  if (types !== undefined) conditions.push(types.length === 0 ? never : sql`e.type = any(${types}::text[])`);
  if (names !== undefined) {
    conditions.push(sql`(e.name is not null and e.name = any(${names.map(lookUpText)}::text[]))`);
  }
  if (users !== undefined) {
    const ids = users.map(lookUpText);
    conditions.push(sql`(e.user_id is not null and e.user_id = any(${ids}::text[])
      or e.anonymous_id is not null and e.anonymous_id = any(${ids}::text[]))`);
  }
  if (sources !== undefined) conditions.push(sql`e.source_id = any(${sources}::uuid[])`);
  const tree = fql === undefined ? null : treeOf(fql);
  if (tree !== null && isOfColumns(tree)) conditions.push(fqlSql(tree));
  return conditions;
}
