import type { Role } from '../core/role.ts';
import { atMicroseconds, microsecondsOf } from './instant.ts';
import { join, sql, type Queryable, type Statement } from './sql.ts';

/** Who did something through the admin API: a token, or (null) the one of the environment. */
export interface Actor {
  readonly tokenId: string | null;
  readonly name: string;
}

/** A token of the admin API; the token itself is not stored. */
export interface TokenRecord {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly createdBy: Actor;
  readonly createdAt: Date;
  /** From then on it is refused; null: never. */
  readonly expiresAt: Date | null;
  /** Kept to a minute. */
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

/** Where a page of tokens ended: time of creation in microseconds since the epoch, and id. */
export type TokenPlace = readonly [createdMicroseconds: number, id: string];

type Row = Omit<TokenRecord, 'createdBy'> & {
  createdById: string | null;
  createdByName: string;
  createdMicroseconds: number;
};

/** Writes a new token. @param token.hash SHA-256 of its text */
export async function insertToken(
  tx: Queryable,
  token: Pick<TokenRecord, 'id' | 'name' | 'role' | 'createdBy' | 'expiresAt'> & { readonly hash: Buffer },
): Promise<TokenRecord> {
  const { id, name, role, createdBy, expiresAt, hash } = token;
  await tx.run(sql`
    insert into api_token (id, name, role, token_hash, created_by_id, created_by_name, expires_at)
    values (${id}, ${name}, ${role}, ${hash}, ${createdBy.tokenId}, ${createdBy.name}, ${expiresAt})`);
  return (await getToken(tx, id))!;
}

/** One token, revoked or not; null when there is none of this id. */
export async function getToken(db: Queryable, id: string): Promise<TokenRecord | null> {
  return (await readTokens(db, sql`id = ${id}`, 1))[0] ?? null;
}

/**
 * Tokens, newest first.
 * @param params.usable only those that are accepted now, or only those that are not
 * @param params.after where the page before ended
 */
export async function listTokens(
  db: Queryable,
  params: { role?: Role; usable?: boolean; after?: TokenPlace; limit: number },
): Promise<(TokenRecord & { place: TokenPlace })[]> {
  const { role, usable, after } = params;
  const conditions: Statement[] = [sql`true`];
  if (role !== undefined) conditions.push(sql`role = ${role}`);
  if (usable !== undefined) {
    conditions.push(sql`(revoked_at is null and coalesce(expires_at > now(), true)) = ${usable}`);
  }
  if (after !== undefined) {
    conditions.push(sql`(created_at, id) < (${atMicroseconds(after[0])}, ${after[1]}::uuid)`);
  }
  return await readTokens(db, join(conditions, sql` and `), params.limit);
}

/** Changes what is given of a token; null when there is none. @param change.expiresAt null: it never ends */
export async function changeToken(
  db: Queryable,
  id: string,
  change: { readonly name?: string | undefined; readonly expiresAt?: Date | null | undefined },
): Promise<TokenRecord | null> {
  await db.run(sql`
    update api_token set name = coalesce(${change.name ?? null}, name),
      expires_at = case when ${change.expiresAt !== undefined} then ${change.expiresAt ?? null} else expires_at end
    where id = ${id}`);
  return await getToken(db, id);
}

/** Revokes a token for good; one that was revoked before stays so since then. Null when there is none. */
export async function revokeToken(db: Queryable, id: string): Promise<TokenRecord | null> {
  await db.run(sql`update api_token set revoked_at = now() where id = ${id} and revoked_at is null`);
  return await getToken(db, id);
}

/** A token with what its text is checked against. */
export type TokenToCheck = Pick<TokenRecord, 'id' | 'name' | 'role' | 'expiresAt' | 'revokedAt'> & {
  readonly hash: Buffer;
  /** Nobody has noted within the last minute that it is used. */
  readonly useIsNews: boolean;
};

/** What a token is checked against; null when there is none of this id. */
export async function getTokenToCheck(db: Queryable, id: string): Promise<TokenToCheck | null> {
  const [token] = await db.rows<TokenToCheck>(sql`
    select id, name, role, token_hash as hash, expires_at as "expiresAt", revoked_at as "revokedAt",
      ${useIsNews} as "useIsNews"
    from api_token where id = ${id}`);
  return token ?? null;
}

/** Notes that a token is used. */
export async function noteUse(db: Queryable, id: string): Promise<void> {
  await db.run(sql`update api_token set last_used_at = now() where id = ${id} and ${useIsNews}`);
}

const useIsNews = sql`coalesce(last_used_at < now() - interval '1 minute', true)`;

async function readTokens(db: Queryable, where: Statement, limit: number) {
  const rows = await db.rows<Row>(sql`
    select id, name, role, created_by_id as "createdById", created_by_name as "createdByName",
      created_at as "createdAt", expires_at as "expiresAt", last_used_at as "lastUsedAt",
      revoked_at as "revokedAt", ${microsecondsOf(sql`created_at`)} as "createdMicroseconds"
    from api_token where ${where} order by created_at desc, id desc limit ${limit}`);
  return rows.map(({ createdById, createdByName, createdMicroseconds, ...token }) => ({
    ...token,
    createdBy: { tokenId: createdById, name: createdByName },
    place: [createdMicroseconds, token.id] as const,
  }));
}
