import { sql, type Queryable } from '../sql.ts';

/** Who sends an import renews its claim this often; milliseconds. */
export const renewEveryMs = 2_000;
/** Whether somebody sends an import now, as far as Postgres' clock can tell: its claim was renewed not long ago. */
export const isClaimed = sql`(i.sender is not null and i.renewed_at > clock_timestamp() - interval '10 s')`;

/** How far an import has come: the rows up to there are committed. */
export interface Checkpoint {
  /** Of the inflated file. */
  readonly bytes: number;
  readonly lines: number;
  readonly digest: Buffer;
}

export type Claiming =
  | { readonly kind: 'claimed'; readonly at: Checkpoint }
  /** Somebody else sends it; `renewedAt` shows whether he still does. */
  | { readonly kind: 'held'; readonly renewedAt: string }
  | { readonly kind: 'completed' }
  | { readonly kind: 'unknown' };

/** Claims an import for one sender. What another one has in flight then changes nothing any more. */
export async function claimImport(db: Queryable, id: string, sender: string): Promise<Claiming> {
  const [at] = await db.rows<Checkpoint & { [column: string]: unknown }>(sql`
    update import i set sender = ${sender}, renewed_at = clock_timestamp(), failure = null
    where id = ${id} and ended_at is null and not ${isClaimed}
    returning bytes, lines, digest`);
  if (at !== undefined) return { kind: 'claimed', at };
  const [row] = await db.rows<{ renewedAt: string; completed: boolean }>(sql`
    select renewed_at::text as "renewedAt", ended_at is not null as completed from import where id = ${id}`);
  if (row === undefined) return { kind: 'unknown' };
  return row.completed ? { kind: 'completed' } : { kind: 'held', renewedAt: row.renewedAt };
}

/** @returns false when another one has the claim */
export async function renewClaim(db: Queryable, id: string, sender: string): Promise<boolean> {
  const renewed = await db.run(sql`
    update import set renewed_at = clock_timestamp() where id = ${id} and sender = ${sender}`);
  return renewed > 0;
}

/** Gives an import back before its end. @param failure why the file could not be read on, null: it only broke off */
export async function releaseImport(
  db: Queryable,
  claim: { readonly id: string; readonly sender: string },
  failure: { readonly line: number; readonly detail: string } | null,
): Promise<void> {
  await db.run(sql`
    update import set sender = null, failure = ${failure === null ? null : JSON.stringify(failure)}::jsonb,
      updated_at = clock_timestamp()
    where id = ${claim.id} and sender = ${claim.sender}`);
}

/** Ends an import whose file was read to its end. @returns false when another one has the claim */
export async function completeImport(
  db: Queryable,
  claim: { readonly id: string; readonly sender: string },
  end: Checkpoint,
): Promise<boolean> {
  const completed = await db.run(sql`
    update import set sender = null, bytes = ${end.bytes}, lines = ${end.lines}, digest = ${end.digest},
      ended_at = clock_timestamp(), updated_at = clock_timestamp()
    where id = ${claim.id} and sender = ${claim.sender}`);
  return completed > 0;
}
