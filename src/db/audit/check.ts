import { sql, type Queryable } from '../sql.ts';

/** Where a check of the chain stands: the last row that it has seen, and the hash of it. */
export type AuditPlace = readonly [number: number, hash: string];

/** What a part of a check found. */
export interface AuditCheck {
  /** Rows that were checked. */
  readonly checked: number;
  /** The last of them, null: there was none. */
  readonly last: AuditPlace | null;
  /** The first row that is not as it was written, or does not follow the one before it. */
  readonly broken: number | null;
}

/**
 * Checks that rows are as they were written and that none is missing between them.
 * @param after where the part before ended; null: at the beginning of the log
 * @param limit most rows of this part
 */
export async function checkAudit(
  db: Queryable,
  after: AuditPlace | null,
  limit: number,
): Promise<AuditCheck> {
  const [number, hash] = after ?? [0, null];
  const start = hash === null ? sql`sha256('')` : sql`${Buffer.from(hash, 'hex')}::bytea`;
  const [row] = await db.rows<{
    checked: number;
    last: number | null;
    hash: Buffer;
    broken: number | null;
  }>(sql`
    with part as (
      select a.number, a.hash, a.previous_hash, audit_hash(a::audit_entry) as computed,
        lag(a.number, 1, ${number}::bigint) over w as number_before, lag(a.hash, 1, ${start}) over w as hash_before
      from (select * from audit_entry where number > ${number} order by number limit ${limit}) a
      window w as (order by a.number)
    )
    select count(*) as checked, max(number) as last,
      (select hash from part order by number desc limit 1) as hash,
      min(number) filter (where hash <> computed or previous_hash <> hash_before or number <> number_before + 1) as broken
    from part`);
  const { checked, last, broken } = row!;
  return { checked, last: last === null ? after : [last, row!.hash.toString('hex')], broken };
}
