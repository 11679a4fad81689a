import { sql, type Queryable } from './sql.ts';

/** Which request a key was used for: one key counts per route, and only for the same body. */
export interface KeyedRequest {
  readonly key: string;
  /** Method and path, ids included. */
  readonly route: string;
  readonly bodyHash: string;
  /** What the same body's hash was while another secret key was the current one. */
  readonly otherHashes: readonly string[];
}

/** A kept answer; its text is sealed by the caller. */
export interface KeptAnswer {
  readonly status: number;
  readonly sealed: string;
}

export type Claim =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'in_flight' }
  | { readonly kind: 'other_body' }
  | ({ readonly kind: 'answered' } & KeptAnswer);

/**
 * Claims a key for the caller's transaction. Whoever holds a key that is being worked holds a transaction lock, which
 * a crash releases together with everything that the request wrote; a finished request left its answer.
 */
export async function claimIdempotencyKey(tx: Queryable, request: KeyedRequest): Promise<Claim> {
  const [lock] = await tx.rows<{ held: boolean }>(sql`
    select pg_try_advisory_xact_lock(hashtextextended(${`${request.route}\n${request.key}`}, 0)) as held`);
  if (lock?.held !== true) return { kind: 'in_flight' };
  // Its own statement: the snapshot must see what the lock's last holder committed.
  const [row] = await tx.rows<KeptAnswer & { bodyHash: string }>(sql`
    select status, answer_sealed as sealed, body_hash as "bodyHash" from idempotency_key
    where key = ${request.key} and route = ${request.route} and ${isKept}`);
  if (row === undefined) return { kind: 'fresh' };
  if (![request.bodyHash, ...request.otherHashes].includes(row.bodyHash)) return { kind: 'other_body' };
  return { kind: 'answered', status: row.status, sealed: row.sealed };
}

/** Keeps an answer in the transaction that made what it speaks of. */
export async function keepAnswer(tx: Queryable, request: KeyedRequest, answer: KeptAnswer): Promise<void> {
  await tx.run(sql`
    insert into idempotency_key (key, route, body_hash, status, answer_sealed)
    values (${request.key}, ${request.route}, ${request.bodyHash}, ${answer.status}, ${answer.sealed})
    on conflict (key, route) do update set body_hash = excluded.body_hash, status = excluded.status,
      answer_sealed = excluded.answer_sealed, created_at = excluded.created_at`);
}

/** Deletes the answers whose time is over. @returns how many */
export async function forgetOldAnswers(db: Queryable): Promise<number> {
  return await db.run(sql`delete from idempotency_key where not ${isKept}`);
}

const isKept = sql`(created_at > now() - interval '24 hours')`;
