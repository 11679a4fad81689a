import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import {
  changeToken,
  getToken,
  insertToken,
  listTokens,
  revokeToken,
  type TokenRecord,
} from '../../db/tokens.ts';
import { hashOfToken, makeToken } from '../access/token-text.ts';
import { creatingRoute } from '../creating.ts';
import type { ApiDeps } from '../deps.ts';
import { pageOfRows, placeOfCursor } from '../page.ts';
import { isProblem } from '../problem.ts';
import { nothingHere, route, type Answer, type Route } from '../route.ts';
import { IdPath, pageOf, pageQuery } from '../schemas/fields.ts';
import {
  ChangedToken,
  NewToken,
  showToken,
  Token,
  tokenExample,
  TokenRole,
  TokenWithText,
} from '../schemas/token.ts';

const tag = 'Tokens';
const role = 'admin';
const Place = z.tuple([z.int(), z.uuid()]);

/** Who may use this API. */
export function tokenRoutes(deps: ApiDeps): Route[] {
  return [create(deps), list(deps), get(deps), change(deps), revoke(deps)];
}

function create(deps: ApiDeps): Route {
  return creatingRoute(
    deps,
    {
      operationId: 'createToken',
      method: 'post',
      path: '/api/tokens',
      tag,
      role,
      summary: 'Create a token',
      description:
        'The answer shows the token, and nothing does after it: only its hash is kept. (Asked again with the same Idempotency-Key, by the same token, within 24 hours, the same answer comes again.) The token of the environment, `REPRISE_ADMIN_TOKEN`, is always an admin and is not listed here, so revoking every token locks nobody out.',
      body: NewToken,
      bodyExample: { name: 'Dashboard', role: 'viewer', expiresAt: '2127-10-14T02:00:00.000Z' },
      answers: {
        201: {
          description: 'The token.',
          schema: TokenWithText,
          example: {
            ...tokenExample,
            token: 'rpt_9b1d3f647f0c4d5e8a726c0e5b9f2d18_<49 digits and letters>',
          },
        },
      },
    },
    async ({ body, caller }, tx) => {
      const id = randomUUID();
      const token = makeToken(id);
      const made = await insertToken(tx, {
        id,
        name: body.name,
        role: body.role,
        createdBy: { tokenId: caller.tokenId, name: caller.name },
        expiresAt: body.expiresAt === null ? null : new Date(body.expiresAt),
        hash: hashOfToken(token),
      });
      const headers = { location: `/api/tokens/${id}` };
      return { answer: { status: 201, body: { ...showToken(made), token }, headers } };
    },
  );
}

function list(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'listTokens',
      method: 'get',
      path: '/api/tokens',
      tag,
      role,
      summary: 'List tokens',
      description: 'Newest first, with those that were revoked or have expired.',
      query: z.strictObject({
        role: z.exactOptional(TokenRole),
        usable: z.exactOptional(z.enum(['true', 'false'])).meta({
          description:
            'true: only those that are accepted. false: only those that were revoked or have expired.',
        }),
        ...pageQuery,
      }),
      answers: {
        200: {
          description: 'A page of tokens.',
          schema: pageOf(Token),
          example: { data: [tokenExample], nextCursor: null },
        },
      },
    },
    async ({ query: { limit, cursor, usable, ...asked } }) => {
      const start = placeOfCursor('tokens', cursor, Place);
      if (isProblem(start)) return start;
      const rows = await listTokens(deps.db, {
        ...asked,
        ...(usable !== undefined && { usable: usable === 'true' }),
        ...(start.place !== null && { after: start.place }),
        limit: limit + 1,
      });
      const page = pageOfRows({ list: 'tokens', rows, limit, placeOf: (row) => row.place, show: showToken });
      return { status: 200, body: page };
    },
  );
}

const answers = { 200: { description: 'The token.', schema: Token, example: tokenExample } };

const answerOf = (token: TokenRecord | null, path: string) =>
  token === null ? nothingHere(path) : ({ status: 200, body: showToken(token) } satisfies Answer);

function get(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'getToken',
      method: 'get',
      path: '/api/tokens/{id}',
      tag,
      role,
      summary: 'Read a token',
      description: 'What is known of it; the token itself is not shown again.',
      params: IdPath,
      answers,
      problems: ['not_found'],
    },
    async ({ params, path }) => answerOf(await getToken(deps.db, params.id), path),
  );
}

function change(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'changeToken',
      method: 'patch',
      path: '/api/tokens/{id}',
      tag,
      role,
      summary: 'Change a token',
      description:
        'Its name, or its end: an expired one is accepted again within a second. One that was revoked stays so. The role cannot be changed: make another token.',
      params: IdPath,
      body: ChangedToken,
      bodyExample: { name: 'Wall dashboard' },
      answers,
      problems: ['not_found'],
    },
    async ({ params, body: { name, expiresAt }, path }) => {
      const end = expiresAt === undefined || expiresAt === null ? expiresAt : new Date(expiresAt);
      return answerOf(await changeToken(deps.db, params.id, { name, expiresAt: end }), path);
    },
  );
}

function revoke(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'revokeToken',
      method: 'delete',
      path: '/api/tokens/{id}',
      tag,
      role,
      anyRoleForOwn: true,
      summary: 'Revoke a token',
      description:
        'For good, and within a second in every API process; answers that are under way, such as a progress stream, go on to their end. It stays listed, so that what it did can be told. Asking again is harmless. A token of any role may revoke itself, and of those below `admin` no other.',
      params: IdPath,
      answers: {
        200: {
          description: 'It is revoked.',
          schema: Token,
          example: { ...tokenExample, revokedAt: '2026-11-23T08:00:00.000Z' },
        },
      },
      problems: ['not_found'],
    },
    async ({ params, path }) => answerOf(await revokeToken(deps.db, params.id), path),
  );
}
