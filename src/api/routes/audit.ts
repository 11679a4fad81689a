import { z } from 'zod';
import { checkAudit } from '../../db/audit/check.ts';
import { getAudit, listAudit, type AuditRecord } from '../../db/audit/read.ts';
import { encodeCursor } from '../cursor.ts';
import type { ApiDeps } from '../deps.ts';
import { pageOfRows, placeOfCursor } from '../page.ts';
import { isProblem } from '../problem.ts';
import { nothingHere, route, type Route } from '../route.ts';
import { AuditCheckEnd, AuditEntry, auditExample, auditFilter, showAudit } from '../schemas/audit.ts';
import { pageOf, pageQuery } from '../schemas/fields.ts';

const tag = 'Audit';
const role = 'admin';
const Place = z.tuple([z.int()]);
const CheckPlace = z.tuple([z.int(), z.string().regex(/^[0-9a-f]{64}$/)]);
/** Rows that one request checks. */
const mostChecked = 20_000;

/** Who changed what. */
export function auditRoutes(deps: ApiDeps): Route[] {
  return [list(deps), check(deps), get(deps)];
}

const text = `Every request that may change something and whose fields are right, newest first, with who made it, how things were before and what it was answered; and what Reprise did by itself (actor \`reprise\`): pausing a replay that does harm, disabling a destination that answered that it is gone.

A change is written down before it is made, in a transaction of its own, and its end after it: if the process dies in between, the change is listed as \`untold\`, and none is ever made that is not listed. While the log cannot be written, nothing can be changed. What Reprise does by itself is told in the transaction that does it.`;

function list(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'listAudit',
      method: 'get',
      path: '/api/audit',
      tag,
      role,
      summary: 'List changes',
      description: text,
      query: z.strictObject({ ...auditFilter, ...pageQuery }),
      answers: {
        200: {
          description: 'A page of changes.',
          schema: pageOf(AuditEntry),
          example: { data: [auditExample], nextCursor: null },
        },
      },
    },
    async ({ query: { limit, cursor, from, to, ...asked } }) => {
      const start = placeOfCursor('audit', cursor, Place);
      if (isProblem(start)) return start;
      const filter = {
        ...asked,
        ...(from !== undefined && { from: new Date(from) }),
        ...(to !== undefined && { to: new Date(to) }),
      };
      const before = start.place === null ? {} : { before: start.place[0] };
      const rows = await listAudit(deps.db, filter, { ...before, limit: limit + 1 });
      const placeOf = (row: AuditRecord) => [row.number];
      return { status: 200, body: pageOfRows({ list: 'audit', rows, limit, placeOf, show: showAudit }) };
    },
  );
}

function check(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'checkAudit',
      method: 'get',
      path: '/api/audit/check',
      tag,
      role,
      summary: 'Check that the log is as it was written',
      description: `Reads up to ${mostChecked.toLocaleString('en')} rows, from the first one on, and compares each with its hash and with the row before it. It finds rows that were changed, taken out or put in between. Whoever may do all that in the database could write the whole chain anew: keep \`last\` of a check somewhere else, and compare it with the \`hash\` of that row later.`,
      query: z.strictObject({ cursor: pageQuery.cursor }),
      answers: {
        200: {
          description: 'What the check found.',
          schema: AuditCheckEnd,
          example: {
            intact: true,
            broken: null,
            checked: 622,
            last: { number: 622, hash: auditExample.hash },
            nextCursor: null,
          },
        },
      },
    },
    async ({ query: { cursor } }) => {
      const start = placeOfCursor('audit-check', cursor, CheckPlace);
      if (isProblem(start)) return start;
      const { checked, last, broken } = await checkAudit(deps.db, start.place, mostChecked);
      const goesOn = checked === mostChecked && broken === null && last !== null;
      return {
        status: 200,
        body: {
          intact: broken === null,
          broken,
          checked,
          last: last === null ? null : { number: last[0], hash: last[1] },
          nextCursor: goesOn ? encodeCursor('audit-check', last) : null,
        },
      };
    },
  );
}

function get(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'getAudit',
      method: 'get',
      path: '/api/audit/{number}',
      tag,
      role,
      summary: 'Read a change',
      params: z.strictObject({
        number: z
          .string()
          .regex(/^[1-9]\d{0,14}$/)
          .meta({ description: 'Of its row in the log.', example: '311' }),
      }),
      answers: { 200: { description: 'The change.', schema: AuditEntry, example: auditExample } },
      problems: ['not_found'],
    },
    async ({ params, path }) => {
      const entry = await getAudit(deps.db, Number(params.number));
      return entry === null ? nothingHere(path) : { status: 200, body: showAudit(entry) };
    },
  );
}
