import { z } from 'zod';
import { SearchText } from '../../core/replay-request.ts';
import type { AuditRecord } from '../../db/audit/read.ts';
import { changedMembers } from '../audit/notes.ts';
import { ActorShown, Moment, Time } from './fields.ts';

/** Which changes are meant. */
export const auditFilter = {
  actor: z.exactOptional(SearchText).meta({
    description: 'Id or name of a token; `environment`; `reprise` for what Reprise did by itself.',
    example: 'Ann',
  }),
  action: z.exactOptional(z.string().regex(/^\w{1,60}$/)).meta({
    description: 'What was done: the operationId of its route, or `brakeReplay`, `disableDestination`.',
    example: 'pauseReplay',
  }),
  resource: z.exactOptional(z.string().regex(/^\/api\/[\w/-]{1,200}$/)).meta({
    description: 'Address of what was changed, or of its list: then of all in it.',
    example: '/api/replays',
  }),
  from: z
    .exactOptional(Moment)
    .meta({ description: 'Only then or later: a moment, or a time before now such as `30d`.' }),
  to: z.exactOptional(Moment).meta({ description: 'Only before.' }),
};

const Kept = z.unknown().meta({ description: 'Secrets, settings and what is personal are masked.' });

export const AuditEntry = z
  .object({
    number: z.int().meta({ description: 'Of its row in the log: later is higher.' }),
    at: Time.meta({ description: 'When it began.' }),
    actor: ActorShown,
    action: z.string(),
    resource: z.string().meta({ description: 'Address of what was changed.' }),
    route: z.string().nullable().meta({ description: 'null: Reprise did it by itself.' }),
    requestId: z.string().nullable(),
    request: z.object({ query: z.exactOptional(Kept), body: z.exactOptional(Kept) }),
    result: z.enum(['done', 'refused', 'failed', 'untold']).meta({
      description:
        '`untold`: it goes on, or the process ended before it could say; the thing itself shows whether it was done.',
    }),
    status: z.int().nullable().meta({ description: 'HTTP status of the answer.' }),
    code: z.string().nullable().meta({ description: 'Of a refusal.' }),
    endedAt: Time.nullable(),
    changed: z.array(z.string()).meta({
      description:
        'Names of the members that differ after it. One that is never answered is named by where it stands, as `settings.apiKey`; `before` and `after` then have it masked.',
    }),
    before: Kept.nullable().meta({ description: 'The thing as it was read before. null: there was none.' }),
    after: Kept.nullable().meta({ description: 'What was answered.' }),
    savedByHooks: z.exactOptional(Kept).meta({
      description:
        'What hooks made or found at the destination’s service: it is there, whatever became of the request.',
    }),
    hash: z.string().meta({ description: 'SHA-256 of its row and, through it, of all rows before.' }),
  })
  .meta({ id: 'AuditEntry' });

/** A change as it is answered. */
export function showAudit({ content, end, ...row }: AuditRecord): z.input<typeof AuditEntry> {
  const { route = null, query, body, before = null } = content;
  const told = route === null ? content : end?.content;
  const { status = null, code = null, after = null, changed, unseen = {}, savedByHooks } = told ?? {};
  return {
    number: row.number,
    at: row.at.toISOString(),
    actor: row.actor,
    action: row.action,
    resource: row.resource,
    route,
    requestId: row.requestId,
    request: { ...(query !== undefined && { query }), ...(body !== undefined && { body }) },
    result: told === undefined ? 'untold' : resultOf(status),
    status,
    code,
    endedAt: (route === null ? row.at : end?.at)?.toISOString() ?? null,
    changed: changed === undefined ? changedMembers(before, after) : [...changed],
    before: withUnseen(before, unseen.before),
    after: withUnseen(after, unseen.after),
    ...(savedByHooks !== undefined && { savedByHooks }),
    hash: row.hash.toString('hex'),
  };
}

function resultOf(status: number | null): 'done' | 'refused' | 'failed' {
  if (status === null || status < 400) return 'done';
  return status < 500 ? 'refused' : 'failed';
}

/** A state of a thing, with what reading it does not show. */
const withUnseen = (shown: unknown, unseen: object | undefined) =>
  unseen === undefined || typeof shown !== 'object' ? shown : { ...unseen, ...shown };

export const AuditCheckEnd = z
  .object({
    intact: z
      .boolean()
      .meta({ description: 'Nothing was changed or taken out of the part that was checked.' }),
    broken: z.int().nullable().meta({ description: 'The first row that is not as it was written.' }),
    checked: z.int().meta({ description: 'Rows of this part. A change has two: its beginning and its end.' }),
    last: z
      .object({ number: z.int(), hash: z.string() })
      .nullable()
      .meta({ description: 'The last row that was checked: keep it elsewhere, and check from there.' }),
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: 'Goes on with the next part. null: that was all.' }),
  })
  .meta({ id: 'AuditCheck' });

export const auditExample: z.input<typeof AuditEntry> = {
  number: 311,
  at: '2026-11-22T09:30:00.000Z',
  actor: { tokenId: '9b1d3f64-7f0c-4d5e-8a72-6c0e5b9f2d18', name: 'Ann' },
  action: 'changeDestination',
  resource: '/api/destinations/0f4b1d0e-52ab-4a0e-8e57-2f6c0a9d1e33',
  route: 'PATCH /api/destinations/{id}',
  requestId: '5f8c7e52-3b5d-4f43-9f0a-0b9d8b1f2a31',
  request: { body: { budget: { eventsPerSecond: 50 }, settings: { secret: '[masked]' } } },
  result: 'done',
  status: 200,
  code: null,
  endedAt: '2026-11-22T09:30:00.112Z',
  changed: ['budget', 'settings.secret'],
  before: { settings: { secret: '[masked]' }, name: 'Warehouse', budget: { eventsPerSecond: 100 } },
  after: { settings: { secret: '[masked]' }, name: 'Warehouse', budget: { eventsPerSecond: 50 } },
  hash: '1b4f0e9851971998e732078544c96b36c3d01cedf7caa332359d6f1d83567014',
};
