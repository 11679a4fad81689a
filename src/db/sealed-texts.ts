import { join, sql, type Queryable, type Statement } from './sql.ts';

/** Where sealed texts stand; one that is not in this list is not found by a change of the secret key. */
export type SealedKind = 'destination' | 'idempotency_key' | 'notification';

/** A sealed text, and what it is bound to. */
export interface SealedText {
  readonly kind: SealedKind;
  /** What tells its row: the id of the destination or notification, or route and key of the request. */
  readonly row: readonly string[];
  readonly sealed: string;
}

interface Place {
  readonly table: Statement;
  readonly column: Statement;
  /** The columns of the primary key. */
  readonly key: readonly Statement[];
}

const places: Readonly<Record<SealedKind, Place>> = {
  destination: { table: sql`destination`, column: sql`settings_sealed`, key: [sql`id`] },
  idempotency_key: { table: sql`idempotency_key`, column: sql`answer_sealed`, key: [sql`route`, sql`key`] },
  notification: { table: sql`notification`, column: sql`settings_sealed`, key: [sql`id`] },
};

export const sealedKinds = Object.keys(places) as readonly SealedKind[];

/** What a sealed text keeps when another key wraps its data key, as SQL. */
export const contentOf = (text: Statement): Statement => sql`split_part(${text}, '.', 5)`;

// What is in another form has none.
const keyIdOf = (column: Statement) => sql`split_part(${column}, '.', 2)`;

/** How many texts of each kind are sealed with which key. */
export async function countSealed(
  db: Queryable,
): Promise<{ readonly kind: SealedKind; readonly keyId: string; readonly count: number }[]> {
  const counts = sealedKinds.map((kind) => {
    const { table, column } = places[kind];
    return sql`select ${kind}::text as kind, ${keyIdOf(column)} as "keyId", count(*) as count from ${table} where ${column} <> '' group by 2`;
  });
  return await db.rows(join(counts, sql` union all `));
}

/**
 * Texts of a kind that another key than `keyId` seals, in the order of their rows.
 * @param after the row of the last one that was read; null: from the start
 */
export async function sealedOtherwise(
  db: Queryable,
  kind: SealedKind,
  keyId: string,
  after: readonly string[] | null,
  limit: number,
): Promise<SealedText[]> {
  const { table, column, key } = places[kind];
  const row = join(
    key.map((part) => sql`${part}::text`),
    sql`, `,
  );
  const behind = after === null ? sql`true` : sql`array[${row}] > ${[...after]}::text[]`;
  const found = await db.rows<{ row: string[]; sealed: string }>(sql`
    select array[${row}] as row, ${column} as sealed from ${table}
    where ${column} <> '' and ${keyIdOf(column)} <> ${keyId} and ${behind} order by array[${row}] limit ${limit}`);
  return found.map((text) => ({ kind, ...text }));
}

/** Puts another text in the place of one that nobody has changed meanwhile. @returns whether it did */
export async function replaceSealed(db: Queryable, before: SealedText, sealed: string): Promise<boolean> {
  const { table, column, key } = places[before.kind];
  const same = key.map((part, index) => sql`${part}::text = ${before.row[index]}`);
  const changed = await db.run(sql`
    update ${table} set ${column} = ${sealed}
    where ${join(same, sql` and `)} and ${column} = ${before.sealed}`);
  return changed > 0;
}
