import { sql, type Queryable } from './sql.ts';

/** What people call a replay. Absent members stay as they are, null takes one away. */
export interface ReplayNames {
  readonly label?: string | null;
  readonly labels?: readonly string[];
  readonly note?: string | null;
}

/** Renames a replay, at any time, also after its end; the engine does not look at names. */
export async function setReplayNames(db: Queryable, id: string, names: ReplayNames): Promise<void> {
  await db.run(sql`
    update run set
      label = case when ${'label' in names}::boolean then ${names.label ?? null} else label end,
      labels = coalesce(${names.labels === undefined ? null : [...names.labels]}::text[], labels),
      note = case when ${'note' in names}::boolean then ${names.note ?? null} else note end
    where id = ${id} and kind = 'replay'`);
}
