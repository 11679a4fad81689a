import { timingSafeEqual } from 'node:crypto';
import { getTokenToCheck, noteUse, type TokenToCheck } from '../../db/tokens.ts';
import type { ApiDeps } from '../deps.ts';
import { problem, type Problem } from '../problem.ts';
import { remembered } from '../remembered.ts';
import { environment, type Caller } from './caller.ts';
import { hashOfToken, idOfToken } from './token-text.ts';

/** How long a token is trusted without another look at it: a revoked one is refused within it; milliseconds. */
const trustMs = 1_000;
const mostRemembered = 10_000;

/** Tells who makes a request, by its Authorization header. @throws when Postgres is away and has to be asked */
export type Identify = (authorization: string | undefined) => Promise<Caller | Problem>;

/**
 * Makes the check of tokens (RFC 6750, `Authorization: Bearer`). Hashes are compared, in constant time, so neither
 * length nor content of a token can be measured. The token of the environment needs no database.
 * @param trustedMs for how long what was found is believed; milliseconds
 */
export function identifier(
  { db, adminToken }: Pick<ApiDeps, 'db' | 'adminToken'>,
  trustedMs: number = trustMs,
): Identify {
  const wanted = hashOfToken(adminToken);
  const find = remembered((id) => getTokenToCheck(db, id), { trustMs: trustedMs, most: mostRemembered });
  return async (authorization) => {
    const [, text] = /^Bearer +(\S+) *$/i.exec(authorization ?? '') ?? [];
    if (text === undefined) return noToken;
    if (timingSafeEqual(hashOfToken(text), wanted)) return environment;
    const id = idOfToken(text);
    if (id === null) return text.startsWith('wk_') ? isWriteKey : unknownToken;
    const token = await find(id);
    if (token === null || !timingSafeEqual(hashOfToken(text), token.hash)) return unknownToken;
    const refusal = endOf(token);
    if (refusal !== null) return refusal;
    // Nobody waits for it: a note that fails is made at the next use.
    if (token.useIsNews) void noteUse(db, id).catch(() => undefined);
    return { tokenId: id, name: token.name, role: token.role };
  };
}

function endOf({ name, revokedAt, expiresAt }: TokenToCheck): Problem | null {
  if (revokedAt !== null) {
    return invalid(`The token "${name}" was revoked at ${revokedAt.toISOString()}. Use another one.`);
  }
  if (expiresAt !== null && expiresAt.getTime() <= Date.now()) {
    return invalid(
      `The token "${name}" expired at ${expiresAt.toISOString()}. Use another one, or have an admin change its \`expiresAt\`.`,
    );
  }
  return null;
}

const challenge = 'Bearer realm="reprise"';
const invalid = (detail: string) =>
  problem('unauthorized', detail, {
    headers: { 'www-authenticate': `${challenge}, error="invalid_token"` },
  });

const noToken = problem(
  'unauthorized',
  'Send a token of this server in the header `Authorization: Bearer <token>`.',
  { headers: { 'www-authenticate': challenge } },
);
const unknownToken = invalid('The token in the Authorization header is none of this server.');
const isWriteKey = invalid(
  'The Authorization header has a write key, which sends events only. The admin API takes a token: the one of the environment, or one made by `POST /api/tokens`.',
);
