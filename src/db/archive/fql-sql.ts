import type { ColumnField, FqlTree, Leaf } from '../../core/fql/tree.ts';
import { join, sql, type Statement } from '../sql.ts';
import { lookUpText } from './look-up-text.ts';

/**
 * The condition on table `event`, aliased `e`, that a filter over columns stands for; never null. It says what
 * `decideByColumns` says of the same row.
 */
export function fqlSql(tree: FqlTree): Statement {
  if (!('parts' in tree)) return leafSql(tree);
  const parts = tree.parts.map(fqlSql);
  return sql`(${join(parts, tree.kind === 'all' ? sql` and ` : sql` or `)})`;
}

const columns: Readonly<Record<ColumnField, Statement>> = {
  type: sql`e.type`,
  event: sql`case when e.type = 'track' then e.name end`,
  name: sql`case when e.type in ('page', 'screen') then e.name end`,
  userId: sql`e.user_id`,
  anonymousId: sql`e.anonymous_id`,
  messageId: sql`e.message_id`,
  source: sql`e.source_id::text`,
};

function leafSql(leaf: Leaf): Statement {
  const { field } = leaf;
  if (field.kind !== 'column' || leaf.kind === 'order') throw new Error('no column tells it');
  const column = columns[field.name];
  const negated = leaf.negated ? sql`true` : sql`false`;
  if (leaf.value === null) return sql`(${column} is null) <> ${negated}`;
  if (typeof leaf.value !== 'string') throw new Error('columns are texts');
  const text = lookUpText(leaf.value);
  if (leaf.kind === 'equals') return sql`coalesce(${column} = ${text}, false) <> ${negated}`;
  const found = {
    contains: sql`strpos(${column}, ${text}) > 0`,
    starts: sql`starts_with(${column}, ${text})`,
    ends: sql`right(${column}, length(${text})) = ${text}`,
  }[leaf.test];
  return sql`coalesce((${found}) <> ${negated}, false)`;
}
