import type { Database } from '../../src/db/database.ts';
import { sql } from '../../src/db/sql.ts';

/** Every column of every table in which a text stands, as `table.column: count of rows`. */
export async function whereNamed(db: Database, text: string): Promise<string[]> {
  const columns = await db.rows<{ table: string; column: string; type: string }>(sql`
    select c.table_name as table, c.column_name as column, c.data_type as type
    from information_schema.columns c join pg_class k on k.relname = c.table_name and k.relkind in ('r', 'p')
      and not k.relispartition
    where c.table_schema = 'public' and c.data_type in ('text', 'jsonb', 'json', 'bytea', 'ARRAY', 'character varying')
    order by 1, 2`);
  const found: string[] = [];
  for (const { table, column, type } of columns) {
    const value = type === 'bytea' ? `encode("${column}", 'escape')` : `"${column}"::text`;
    const { rows } = await db.pool.query<{ count: number }>(
      `select count(*)::int as count from "${table}" where ${value} ilike '%' || $1 || '%'`,
      [text],
    );
    if (rows[0]!.count > 0) found.push(`${table}.${column}: ${rows[0]!.count}`);
  }
  return found;
}
