import { z } from 'zod';
import { SearchText } from '../../core/replay-request.ts';
import {
  getSuppression,
  getSuppressions,
  heardRevision,
  lift,
  listSuppressions,
  suppress,
  type SuppressedId,
  type SuppressionRecord,
} from '../../db/suppressions.ts';
import type { Queryable } from '../../db/sql.ts';
import { creatingRoute, type Created } from '../creating.ts';
import type { ApiDeps } from '../deps.ts';
import { pageOfRows, placeOfCursor } from '../page.ts';
import { isProblem } from '../problem.ts';
import { nothingHere, route, type Answer, type DocumentedAnswer, type Route } from '../route.ts';
import { IdPath, pageOf, pageQuery } from '../schemas/fields.ts';
import {
  NewSuppression,
  NewSuppressions,
  showSuppression,
  suppressedId,
  Suppression,
  suppressionExample,
} from '../schemas/suppression.ts';
import { settle } from '../settle.ts';

const tag = 'Suppressions';
const Place = z.tuple([z.int(), z.uuid()]);

/** Users to whom nothing is sent. */
export function suppressionRoutes(deps: ApiDeps): Route[] {
  return [create(deps), createMany(deps), list(deps), get(deps), remove(deps)];
}

const text = `From the answer 201 on no send to this user starts, by streams and replays alike, to any destination; what was in flight then may still arrive. 202 says that a worker has not confirmed it within 3 seconds: \`GET /api/suppressions/{id}\` tells when it has.

- The events of a suppressed user stay archived. New ones are archived too, unless their source refuses them (\`suppressedUsers\`): then they are rejected from the next request on, and nothing of their content is kept. What cannot be read as an event is refused with them as far as it can be told whose it is; where that stands in a broken part of it, it is kept like any other rejected event. Where they would have been sent they are counted as \`suppressed\`.
- Lifting (DELETE) sends nothing by itself: what was not sent is missing, and a replay sends it.
- Suppressing again changes nothing; the answer is the suppression in force.
- An id is compared exactly, \`userId\` with \`userId\` and \`anonymousId\` with \`anonymousId\`: suppress both where a user has both.`;

const onItsWay = 'It is written, and a worker has not confirmed it yet: `suppressing`.';
const suppressing = { ...suppressionExample, status: 'suppressing' } as const;

function create(deps: ApiDeps): Route {
  return creatingRoute(
    deps,
    {
      operationId: 'createSuppression',
      role: 'operator',
      method: 'post',
      path: '/api/suppressions',
      tag,
      summary: 'Suppress a user',
      description: text,
      body: NewSuppression,
      bodyExample: { userId: 'user-42', reason: 'Asked us to stop, ticket 311.' },
      answers: answersOf(Suppression, suppressionExample, suppressing),
    },
    async ({ body }, tx) => await made(tx, [suppressedId(body)], body.reason),
    (answer) =>
      standing(deps, answer, ([first]) => ({
        body: first,
        headers: { ...answer.headers, location: `/api/suppressions/${first?.id}` },
      })),
  );
}

function createMany(deps: ApiDeps): Route {
  return creatingRoute(
    deps,
    {
      operationId: 'createSuppressions',
      role: 'operator',
      method: 'post',
      path: '/api/suppressions/batch',
      tag,
      summary: 'Suppress up to 1,000 users',
      description:
        'All or none of them, as `POST /api/suppressions` does it for one; an id that is named twice counts once.',
      body: NewSuppressions,
      bodyExample: {
        users: [{ userId: 'user-42' }, { anonymousId: 'a-7f31' }],
        reason: 'Left the programme.',
      },
      answers: answersOf(
        z.object({ data: z.array(Suppression) }),
        { data: [suppressionExample] },
        { data: [suppressing] },
      ),
    },
    async ({ body }, tx) => await made(tx, body.users.map(suppressedId), body.reason),
    (answer) => standing(deps, answer, (data) => ({ body: { data } })),
  );
}

function answersOf(schema: z.ZodType, done: unknown, onTheWay: unknown): Record<number, DocumentedAnswer> {
  return {
    201: { description: 'It is in force everywhere.', schema, example: done },
    202: { description: onItsWay, schema, example: onTheWay },
  };
}

/** The kept answer holds ids only: how they stand is read when it is given. */
async function made(tx: Queryable, ids: SuppressedId[], reason: string | undefined): Promise<Created> {
  const rows = await suppress(tx, { ids, reason: reason ?? null });
  return { answer: { status: 201, body: rows.map((row) => row.id) } };
}

type Shown = z.input<typeof Suppression>;

/** Answers how suppressions stand, once all workers have confirmed them or after 3 s. */
async function standing(
  deps: ApiDeps,
  answer: Answer,
  show: (rows: Shown[]) => Pick<Answer, 'body' | 'headers'>,
): Promise<Answer> {
  const rows = await getSuppressions(deps.db, answer.body as string[]);
  const { heard, settled } = await confirmed(deps, rows);
  const shown = rows.map((row) => showSuppression(row, heard));
  return { ...answer, status: settled ? 201 : 202, ...show(shown) };
}

async function confirmed(deps: ApiDeps, rows: readonly SuppressionRecord[]) {
  const newest = Math.max(...rows.map((row) => row.revision));
  const { state, settled } = await settle(
    () => heardRevision(deps.db),
    (heard) => heard >= newest,
    deps.stopping,
  );
  return { heard: state, settled };
}

function list(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'listSuppressions',
      method: 'get',
      path: '/api/suppressions',
      tag,
      summary: 'List suppressions',
      description: 'Newest first, with those that were lifted.',
      query: z.strictObject({
        userId: z.exactOptional(SearchText),
        anonymousId: z.exactOptional(SearchText),
        lifted: z
          .exactOptional(z.enum(['true', 'false']))
          .meta({ description: 'false: only those in force. true: only those that were lifted.' }),
        ...pageQuery,
      }),
      answers: {
        200: {
          description: 'A page of suppressions.',
          schema: pageOf(Suppression),
          example: { data: [suppressionExample], nextCursor: null },
        },
      },
    },
    async ({ query: { limit, cursor, lifted, ...named } }) => {
      const start = placeOfCursor('suppressions', cursor, Place);
      if (isProblem(start)) return start;
      const rows = await listSuppressions(deps.db, {
        ...named,
        ...(lifted !== undefined && { lifted: lifted === 'true' }),
        ...(start.place !== null && { after: start.place }),
        limit: limit + 1,
      });
      const heard = await heardRevision(deps.db);
      const show = (row: SuppressionRecord) => showSuppression(row, heard);
      return {
        status: 200,
        body: pageOfRows({ list: 'suppressions', rows, limit, placeOf: (row) => row.place, show }),
      };
    },
  );
}

function get(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'getSuppression',
      method: 'get',
      path: '/api/suppressions/{id}',
      tag,
      summary: 'Read a suppression',
      description: 'Its status tells whether it is in force everywhere.',
      params: IdPath,
      answers: { 200: { description: 'The suppression.', schema: Suppression, example: suppressionExample } },
      problems: ['not_found'],
    },
    async ({ params, path }) => {
      const row = await getSuppression(deps.db, params.id);
      if (row === null) return nothingHere(path);
      return { status: 200, body: showSuppression(row, await heardRevision(deps.db)) };
    },
  );
}

function remove(deps: ApiDeps): Route {
  const lifted = { ...suppressionExample, status: 'lifted', liftedAt: '2026-11-23T08:00:00.000Z' } as const;
  return route(
    {
      operationId: 'liftSuppression',
      role: 'operator',
      method: 'delete',
      path: '/api/suppressions/{id}',
      tag,
      summary: 'Lift a suppression',
      description:
        'The user is sent to again. Nothing of what was left out is sent by itself: it is missing, and a replay sends it. A source that refuses events of suppressed users takes his again; those that it refused are lost. The suppression stays readable. Asking again is harmless.',
      params: IdPath,
      answers: {
        200: { description: 'It is lifted everywhere.', schema: Suppression, example: lifted },
        202: {
          description: 'It is written, and a worker has not confirmed it yet: `lifting`.',
          schema: Suppression,
          example: { ...lifted, status: 'lifting' },
        },
      },
      problems: ['not_found'],
    },
    async ({ params, path }) => {
      const row = await deps.db.transaction((tx) => lift(tx, params.id));
      if (row === null) return nothingHere(path);
      const { heard, settled } = await confirmed(deps, [row]);
      return { status: settled ? 200 : 202, body: showSuppression(row, heard) };
    },
  );
}
