import { sql, type Queryable } from '../sql.ts';

/** How long the archive keeps, and from where on it does. */
export interface Retention {
  /** By the time at which an event was received; null: for ever. */
  readonly days: number | null;
  /** The first position that may still be there. */
  readonly keptFrom: number;
  /** Everything that is gone was received before it; null: nothing is gone. */
  readonly keptSince: Date | null;
  readonly changedAt: Date | null;
}

/** The setting as it stands. */
export async function getRetention(db: Queryable): Promise<Retention> {
  const [row] = await db.rows<Retention & Record<string, unknown>>(sql`
    select days, kept_from as "keptFrom", kept_since as "keptSince", changed_at as "changedAt" from retention`);
  return row!;
}

/**
 * From where on the archive keeps, for a caller that is about to need it: nothing is dropped until his transaction has
 * ended, and then what it has written is seen.
 */
export async function holdKept(tx: Queryable): Promise<Pick<Retention, 'keptFrom' | 'keptSince'>> {
  const [row] = await tx.rows<Pick<Retention, 'keptFrom' | 'keptSince'> & Record<string, unknown>>(sql`
    select kept_from as "keptFrom", kept_since as "keptSince" from retention for share`);
  return row!;
}

/** Changes how long events are kept; null: for ever. What is too old by it goes within the next minutes. */
export async function setRetention(db: Queryable, days: number | null): Promise<void> {
  await db.run(sql`update retention set days = ${days}, changed_at = clock_timestamp()`);
}
