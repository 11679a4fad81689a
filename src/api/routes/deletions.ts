import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { PersonId } from '../../core/named-person.ts';
import { askDeletion, getDeletion, listDeletions, type DeletionRecord } from '../../db/deletions/records.ts';
import { heardRevision } from '../../db/suppressions.ts';
import { creatingRoute } from '../creating.ts';
import type { ApiDeps } from '../deps.ts';
import { pageOfRows, placeOfCursor } from '../page.ts';
import { isProblem } from '../problem.ts';
import { nothingHere, route, type Answer, type Route } from '../route.ts';
import { Deletion, deletionExample, NewDeletion, showDeletion } from '../schemas/deletion.ts';
import { IdPath, pageOf, pageQuery } from '../schemas/fields.ts';
import { suppressedId } from '../schemas/suppression.ts';
import { settle } from '../settle.ts';

const tag = 'Deletions';
const Place = z.tuple([z.int(), z.uuid()]);

/** People who are to be forgotten. */
export function deletionRoutes(deps: ApiDeps): Route[] {
  return [create(deps), list(deps), get(deps)];
}

const text = `The person is suppressed at once: from the answer 201 on no request with an event of theirs begins, by streams and replays alike, also while they run. 202 says that a worker has not confirmed it within 3 seconds. Then everything of theirs is deleted, step by step, and \`GET /api/deletions/{id}\` tells how far it is; a crash only delays it. While a destination is being sent to, it ends 40 seconds after it began at the earliest, because a request that was under way may still fail until then, and its failure goes as well.

- What is meant: every event up to \`throughPosition\`, which is the end of the archive when it ends.
- An id is compared exactly. Someone has often been there under an \`anonymousId\` before: export them first and delete each id that you find.
- In rejected events, failures, samples and kept answers a short id (fewer than six characters, or without a letter and of fewer than ten digits) counts only where it stands as an id: quoted as a whole, or as the value of a member like \`userId\`; in a row of a CSV file also as a whole cell, unless it is a number of fewer than six characters. A longer one counts as a word of its own anywhere.
- Answers that are kept for an \`Idempotency-Key\` stay, with a pseudonym in place of the id: their requests make nothing again.
- With \`suppress\` false the suppression is lifted at the end, unless somebody else had made it. What comes in at that very moment may be missing at destinations: a replay sends it.
- Sources that archive the events of suppressed users (\`suppressedUsers\`) go on archiving what is sent for them later. Let them refuse it, or delete again.
- Asking again while it is under way answers the same deletion.`;

function create(deps: ApiDeps): Route {
  return creatingRoute(
    deps,
    {
      operationId: 'createDeletion',
      role: 'admin',
      method: 'post',
      path: '/api/deletions',
      tag,
      summary: 'Forget a person',
      description: text,
      body: NewDeletion,
      bodyExample: { userId: 'user-42', reason: 'Request 311.' },
      answers: {
        201: {
          description: 'Nothing of theirs is sent any more.',
          schema: Deletion,
          example: deletionExample,
        },
        202: {
          description: 'It is written, and a worker has not confirmed it yet: `suppressing`.',
          schema: Deletion,
          example: { ...deletionExample, status: 'suppressing', heardAt: null },
        },
      },
    },
    async ({ body, caller }, tx) => {
      const { suppress, reason = null } = body;
      const person = suppressedId(body) as PersonId;
      const id = await askDeletion(tx, { id: randomUUID(), person, reason, suppress, actor: caller });
      return { answer: { status: 201, body: id } };
    },
    (answer) => standing(deps, answer),
  );
}

/** The kept answer is an id: how the deletion stands is read when it is given. */
async function standing(deps: ApiDeps, answer: Answer): Promise<Answer> {
  const id = answer.body as string;
  const { revision } = (await getDeletion(deps.db, id))!;
  const { state, settled } = await settle(
    () => heardRevision(deps.db),
    (heard) => heard >= revision,
    deps.stopping,
  );
  const shown = showDeletion((await getDeletion(deps.db, id))!, state);
  const headers = { ...answer.headers, location: `/api/deletions/${id}` };
  return { ...answer, status: settled ? 201 : 202, body: shown, headers };
}

function list(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'listDeletions',
      role: 'operator',
      method: 'get',
      path: '/api/deletions',
      tag,
      summary: 'List deletions',
      description: 'Newest first.',
      query: z.strictObject(pageQuery),
      answers: {
        200: {
          description: 'A page of deletions.',
          schema: pageOf(Deletion),
          example: { data: [deletionExample], nextCursor: null },
        },
      },
    },
    async ({ query: { limit, cursor } }) => {
      const start = placeOfCursor('deletions', cursor, Place);
      if (isProblem(start)) return start;
      const after = start.place === null ? {} : { after: start.place };
      const rows = await listDeletions(deps.db, { ...after, limit: limit + 1 });
      const heard = await heardRevision(deps.db);
      const show = (row: DeletionRecord) => showDeletion(row, heard);
      return {
        status: 200,
        body: pageOfRows({ list: 'deletions', rows, limit, placeOf: (row) => row.place, show }),
      };
    },
  );
}

function get(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'getDeletion',
      role: 'operator',
      method: 'get',
      path: '/api/deletions/{id}',
      tag,
      summary: 'Read a deletion',
      description:
        'How far it is, and once it is completed the certificate: what went, what is left and why.',
      params: IdPath,
      answers: { 200: { description: 'The deletion.', schema: Deletion, example: deletionExample } },
      problems: ['not_found'],
    },
    async ({ params, path }) => {
      const row = await getDeletion(deps.db, params.id);
      if (row === null) return nothingHere(path);
      return { status: 200, body: showDeletion(row, await heardRevision(deps.db)) };
    },
  );
}
