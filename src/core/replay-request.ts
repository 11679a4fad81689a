import { z } from 'zod';
import { AbsoluteTime } from './absolute-time.ts';
import { eventTypes } from './event.ts';
import { readFql } from './fql/read.ts';
import { FqlText } from './fql/text.ts';
import { isOfColumns } from './fql/tree.ts';
import { integrationsRules } from './integrations.ts';
import { tightWindow } from './replay-schedule.ts';
import { ScheduleRequest } from './schedule-request.ts';
import { AnyId, SourceIds } from './ids.ts';
import { storableName, storableText } from './storable-text.ts';

/** What a range is measured by: when the archive took an event in, the event's own time, or its position. */
export const rangeMeasures = ['received', 'event', 'position'] as const;
/** `missing`: what the destination lacks; `all`: everything selected; `failed`: what ended as a dead letter. */
const replayModes = ['missing', 'all', 'failed'] as const;
/** `user`: one event of a user after another; `strict`: one event after another; `none`: no order is kept. */
export const replayOrders = ['user', 'strict', 'none'] as const;
/** `latest`: of a user's identify calls one, with what is newest of each trait. */
export const profileRules = ['all', 'latest'] as const;
/** `approve`: a person looks at the first events and resumes; `continue`: it goes on by itself if they went well. */
const canaryEnds = ['approve', 'continue'] as const;

const listLimit = 1_000;
const textLimit = 1_000;

const RelativeTime = z.string().regex(/^\d{1,5}[mhdw]$/);
const Place = z.int().positive();

const momentFault =
  'Expected an RFC 3339 time such as "2026-10-14T02:00:00Z", or a time before now such as "90m", "12h", "30d" or "4w".';
/** A moment, or a time before now. */
export const PastTime = z.union([AbsoluteTime, RelativeTime], { error: momentFault });

/** An end of a range: a position, a time, or a time before now. */
export const RangeEnd = z.union([Place, AbsoluteTime, RelativeTime], {
  error: `${momentFault} With by "position", a position: a whole number from 1.`,
});

/** Text that is compared with the archive's look-up columns, where NUL and lone surrogates stand as U+FFFD. */
export const SearchText = z
  .string()
  .min(1)
  .max(textLimit)
  .overwrite((text) => text.replaceAll('\0', '\uFFFD').toWellFormed());

const list = <T extends z.ZodType>(item: T) => z.exactOptional(z.array(item).min(1).max(listLimit));

const filterFields = {
  types: list(z.enum(eventTypes)).meta({ description: 'Kinds of call.', example: ['track', 'identify'] }),
  names: list(SearchText).meta({
    description: 'Names of track, page and screen calls, compared exactly.',
    example: ['Order Completed'],
  }),
  users: list(SearchText).meta({
    description: 'Users, compared exactly with `userId` and with `anonymousId`.',
    example: ['user-42'],
  }),
  sources: z
    .exactOptional(SourceIds)
    .meta({ description: 'Ids of sources. One that stands twice counts once.' }),
  fql: z.exactOptional(FqlText).meta({
    description:
      'Events for which this FQL holds. Where it asks only for `type`, `event`, `name`, ids and `source`, it is counted as lists are. Else each event has to be read for it: `counts.selected` is then an estimate, and `selectedExact` false, until the end; and mode `failed` does not take it.',
    example: 'properties.total >= 100',
  }),
};

/** What a replay takes (or leaves out) of its range, decided by an event's type, name, ids and source, or by FQL. */
const EventFilter = z.strictObject(filterFields);
export type EventFilter = z.infer<typeof EventFilter>;

const RangeFields = z.strictObject({
  from: z.exactOptional(RangeEnd).meta({
    description: 'First moment or position that is taken (inclusive). Absent: from the start of the archive.',
    example: '30d',
  }),
  to: z.exactOptional(RangeEnd).meta({
    description:
      'A moment: events before it are taken (exclusive). A position: the last one that is taken (inclusive). Absent: up to where the destination’s own stream began to deliver.',
  }),
  by: z.enum(rangeMeasures).default('received').meta({
    description:
      '`received`: the time the archive took the event in. `event`: the event’s own (corrected) time. `position`: places in the archive.',
  }),
});

const pace = {
  eventsPerSecond: z.exactOptional(z.number().positive().max(1_000_000)).meta({
    description: 'Most events per second. Absent: as fast as the destination and its budget allow.',
    example: 200,
  }),
  maxConcurrent: z
    .exactOptional(z.int().positive().max(1_000))
    .meta({ description: 'Most requests under way at once, over all lanes of the replay.' }),
  lanes: z.exactOptional(z.int().positive().max(64)).meta({
    description:
      'Into how many parts the users are divided; workers take lanes side by side. 1 unless said, and no more than there may be requests at once: `maxConcurrent`, or what the destination’s budget leaves beside its stream. The answer’s `pace.lanes` says how many there are.',
  }),
};

const canary = {
  events: z.int().min(1).max(1_000_000).meta({ description: 'How many events go first.', example: 100 }),
  then: z.enum(canaryEnds).default('approve').meta({
    description:
      '`approve`: the replay pauses behind them (reason `canary`) until somebody resumes it. `continue`: it goes on by itself if they went well, else it pauses (reason `canary_failed`).',
  }),
};

/** A replay's name. */
export const ReplayName = storableName(200).meta({
  description: 'A name for people.',
  example: 'October outage',
});

/** Words that several replays may share. */
export const ReplayLabels = z
  .array(storableName(100))
  .max(20)
  .refine((labels) => new Set(labels).size === labels.length, 'Name each label once.')
  .meta({
    description: 'Words to find replays by: `GET /api/replays?label=team:growth`.',
    example: ['incident-4711', 'team:growth'],
  });

/** What people want to remember of a replay. */
export const ReplayNote = storableText(10_000).meta({
  description: 'A text for people; it can be changed at any time.',
  example: 'Asked for by support. The sandbox first, then production.',
});

/** The fields of a replay request before their defaults; also the shape in which answers give it back. */
export const replayRequestFields = {
  destinationId: AnyId.meta({ description: 'Where the events go.' }),
  actions: list(z.string().min(1).max(200)).meta({
    description:
      'Actions of the destination that are used: by id, name or what they do in the catalog; the answer has their ids. Absent: all of them. What was given up on (mode `failed`) goes to the actions that gave up.',
    example: ['Track Event'],
  }),
  range: RangeFields.prefault({}),
  filter: z
    .exactOptional(EventFilter)
    .meta({ description: 'Only events that are named by every list given here.' }),
  exclude: z
    .exactOptional(EventFilter)
    .meta({ description: 'Not the events that any list given here names.' }),
  mode: z.enum(replayModes).default('missing').meta({
    description:
      '`missing`: what the destination lacks. `all`: everything selected, even what it has. `failed`: what was given up on.',
  }),
  newIds: z.exactOptional(z.boolean()).meta({
    description:
      'Give deliveries ids of their own, so that a destination that drops what it knows takes them again. True with mode `all` unless said, else false.',
  }),
  integrations: z.exactOptional(z.enum(integrationsRules)).meta({
    description:
      'What an event’s own `integrations` says of the destination. `honour` (unless said): an event that is not meant for it is filtered, reason `integrations`. `ignore`: it is sent all the same. Mode `failed` does not ask: what was given up on had been let through.',
  }),
  allowSideEffects: list(z.string().min(1).max(200)).meta({
    description:
      'Actions of the destination that may be used although they reach people or take something away: by what they do in the catalog (`sendEmail`), their id or their name. Which do is decided by what they do and by their mapping (`GET /api/catalog/{type}`). A replay that would use such actions is refused (`side_effects`) unless each is named here; one of failures uses those of the dead letters that it takes up.',
    example: ['sendEmail'],
  }),
  marker: z.exactOptional(z.boolean()).meta({
    description:
      'true: what is sent says that it is of this replay: `context.replay` is `{"id": "…"}`, in place of one that the event had, and requests of a `webhook` have the header `x-reprise-replay`. What the stream sends never has it.',
  }),
  profiles: z.exactOptional(z.enum(profileRules)).meta({
    description:
      '`all` (unless said): each identify call as it came. `latest`: so that old traits do not overwrite newer ones, of the identify calls of a user that are in the replay only the last is sent. It carries the traits of all of them, the newest value of each, without those that a later call has brought to the destination or is about to. The others count as `superseded`; so does the last one where nothing is left to say. Such a call that becomes a dead letter is best sent by the same replay once more: a retry would send it with its own traits. Mode `failed` does not take it.',
  }),
  pace: z.strictObject(pace).default({}),
  order: z.enum(replayOrders).default('user').meta({
    description:
      '`user`: a user’s events one after another, users side by side. `strict`: one event after another (one lane). `none`: no order.',
  }),
  canary: z.exactOptional(z.strictObject(canary)).meta({
    description: 'Sends a few events first, so that a mistake shows before it is made with all of them.',
  }),
  schedule: z.exactOptional(ScheduleRequest).meta({
    description: 'When it begins and in which hours it sends. Absent: at once, and always.',
  }),
  label: z.exactOptional(ReplayName),
  labels: z.exactOptional(ReplayLabels),
  note: z.exactOptional(ReplayNote),
};

/**
 * A request for a replay as it is asked for, with its defaults filled in. Times may still be relative; `freezeRange`
 * makes them absolute before the request is stored, and what is stored parses by this schema again.
 */
export const ReplayRequest = z
  .strictObject(replayRequestFields)
  .superRefine(rangeFitsItsMeasure)
  .superRefine(strictHasOneLane)
  .superRefine(lettersAreChosenByColumns)
  .superRefine(lettersHaveTheirActions)
  .superRefine(lettersKeepTheirTraits)
  .superRefine(windowsHaveRoomForLanes)
  .transform((request) => ({
    ...request,
    range: request.range as ReplayRange,
    newIds: request.newIds ?? request.mode === 'all',
  }));
export type ReplayRequest = z.infer<typeof ReplayRequest>;

/** The first events of a replay, and what follows them. */
export type Canary = NonNullable<ReplayRequest['canary']>;

/** Both ends are optional. Positions: both inclusive. Times (RFC 3339 once frozen): from inclusive, to exclusive. */
export type ReplayRange =
  | { readonly by: 'position'; readonly from?: number; readonly to?: number }
  | { readonly by: 'received' | 'event'; readonly from?: string; readonly to?: string };

function lettersHaveTheirActions(
  { mode, actions }: { mode: string; actions?: readonly string[] | undefined },
  context: z.RefinementCtx,
) {
  if (mode !== 'failed' || actions === undefined) return;
  const message = 'Mode "failed" retries each event for the actions that gave it up. Leave `actions` out.';
  context.addIssue({ code: 'custom', path: ['actions'], message });
}

function rangeFitsItsMeasure({ range }: { range: z.infer<typeof RangeFields> }, context: z.RefinementCtx) {
  for (const end of ['from', 'to'] as const) {
    const value = range[end];
    if (value === undefined) continue;
    const wanted = range.by === 'position' ? 'number' : 'string';
    if (typeof value === wanted) continue;
    const message =
      wanted === 'number'
        ? 'With by "position" this is a position, a whole number. For times leave `by` out, or use "received" or "event".'
        : `${momentFault} For positions say by: "position".`;
    context.addIssue({ code: 'custom', path: ['range', end], message });
  }
}

function windowsHaveRoomForLanes(
  { pace, schedule }: { pace: { lanes?: number }; schedule?: z.output<typeof ScheduleRequest> },
  context: z.RefinementCtx,
) {
  const lanes = pace.lanes ?? 1;
  const index = tightWindow(schedule?.windows ?? [], lanes);
  if (index === null) return;
  const message = `The replay has ${lanes} lanes, and each needs a request of its own: give at least ${lanes}, or ask for fewer lanes.`;
  context.addIssue({ code: 'custom', path: ['schedule', 'windows', index, 'maxConcurrent'], message });
}

function lettersKeepTheirTraits(
  { mode, profiles }: { mode: string; profiles?: (typeof profileRules)[number] },
  context: z.RefinementCtx,
) {
  if (mode !== 'failed' || profiles !== 'latest') return;
  const message =
    'Mode "failed" sends dead letters as they are. For the newest traits ask for mode "missing": what was given up on is missing.';
  context.addIssue({ code: 'custom', path: ['profiles'], message });
}

/** Which dead letters a replay takes up is decided by a statement, which reads no event. */
function lettersAreChosenByColumns(
  { mode, ...request }: { mode: string; filter?: { fql?: string }; exclude?: { fql?: string } },
  context: z.RefinementCtx,
) {
  if (mode !== 'failed') return;
  for (const part of ['filter', 'exclude'] as const) {
    const fql = request[part]?.fql;
    const read = fql === undefined ? null : readFql(fql);
    if (read?.ok !== true || isOfColumns(read.tree)) continue;
    const message =
      'With mode "failed" FQL may ask only for type, event, name, userId, anonymousId, messageId and source. Leave members of properties, traits and context out, or name the dead letters: POST /api/dead-letters/retry.';
    context.addIssue({ code: 'custom', path: [part, 'fql'], message });
  }
}

function strictHasOneLane(
  request: { order: (typeof replayOrders)[number]; pace: { lanes?: number } },
  context: z.RefinementCtx,
) {
  if (request.order !== 'strict' || (request.pace.lanes ?? 1) === 1) return;
  const message = 'Strict order needs a single lane: leave `lanes` out, or choose order "user" or "none".';
  context.addIssue({ code: 'custom', path: ['pace', 'lanes'], message });
}
