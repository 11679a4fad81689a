import { idOf, names, patternInRow, patternOf } from '../../core/named-person.ts';
import { sql, type Queryable } from '../sql.ts';
import { deletionStep, type ClaimedDeletion } from './claim.ts';
import { bytesMayName, textMayName } from './may-name.ts';
import type { Deleting } from './place.ts';

/** How many rejected events one step looks at. */
const rejectedPerStep = 5_000;

/** Deletes the rejected events that name him. */
export async function deleteRejected({ db, claim }: Deleting): Promise<void> {
  const id = idOf(claim.person);
  const isNaming = namingIn(id);
  const mayName = sql`(${bytesMayName(sql`raw`, id)} or arrival is not null and ${textMayName(sql`arrival`, id)})`;
  const [last] = await db.rows<{ id: number | null }>(sql`select max(id) as id from rejected_event`);
  for (let from = 0; from < (last?.id ?? 0);) {
    const [next] = await db.rows<{ id: number | null }>(sql`
      select max(id) as id from (
        select id from rejected_event where id > ${from} order by id limit ${rejectedPerStep}) next`);
    const to = next?.id ?? null;
    if (to === null) return;
    await deletionStep(db, claim, { table: 'rejected_event' }, async (tx) => {
      const rows = await tx.rows<{ id: number; raw: Buffer; arrival: string | null }>(sql`
        select id, raw, arrival from rejected_event where id > ${from} and id <= ${to} and ${mayName}`);
      const ids = rows.filter((row) => isNaming(row.raw) || isNaming(row.arrival)).map((row) => row.id);
      return await tx.run(sql`delete from rejected_event where id = any(${ids}::bigint[])`);
    });
    from = to;
  }
}

/** Deletes the rejected rows of imports that name him. */
export async function deleteImportErrors(tx: Queryable, { person }: ClaimedDeletion): Promise<number> {
  const id = idOf(person);
  const isNaming = namingIn(id);
  const rows = await tx.rows<{ importId: string; line: number; raw: Buffer }>(sql`
    select import_id as "importId", line, raw from import_error where ${bytesMayName(sql`raw`, id)}`);
  const found = rows.filter((row) => isNaming(row.raw));
  return await tx.run(sql`
    delete from import_error e using unnest(${found.map((row) => row.importId)}::uuid[],
      ${found.map((row) => row.line)}::bigint[]) as gone (import_id, line)
    where e.import_id = gone.import_id and e.line = gone.line`);
}

/** Whether what was sent names an id: JSON, however broken, or a row of a CSV file. */
function namingIn(id: string): (text: Buffer | string | null) => boolean {
  const [inJson, inRow] = [patternOf(id), patternInRow(id)];
  return (sent) => {
    const text = sent?.toString() ?? '';
    return names(text, /^\s*[{[]/.test(text) ? inJson : inRow);
  };
}
