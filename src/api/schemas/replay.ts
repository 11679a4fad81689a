import { z } from 'zod';
import { buckets, countedEvents, sumCounts, type Bucket, type Counts } from '../../core/counts.ts';
import { ReplayLabels, ReplayName, ReplayNote, replayRequestFields } from '../../core/replay-request.ts';
import { replayStatus, replayStatuses } from '../../core/replay-status.ts';
import { mergeSamples } from '../../core/samples.ts';
import type { RunRecord } from '../../db/runs.ts';
import { replayWorkflowId, type Orchestrator } from '../../temporal/orchestrator.ts';
import { Id, Time } from './fields.ts';
import { ReplayWarnings } from './warning.ts';
import { firstRange, ShownRange, showRange } from './replay-range.ts';
import { scheduleFields, showSchedule } from './replay-schedule.ts';
import { statusReasonText } from './status-reason.ts';

const count = z.int().min(0);
const bucketTexts: Readonly<Record<Bucket, string>> = {
  waiting: 'Set aside after a failure; tried again by themselves.',
  dead: 'Given up on: see the dead letters.',
  unconfirmable:
    'Sent to a destination that answers success whatever happens, or takes it as a job and tells nobody how that ended.',
  delivered: 'The destination answered that it has them.',
  alreadyDelivered: 'The destination had them before.',
  suppressed: 'Of users who must not be sent.',
  invalid: 'Could not be turned into a request; nothing was sent.',
  superseded: 'Folded into a later event of the same user.',
  tooOld: 'Older than the destination takes.',
  filtered: 'Not meant for the destination: no action takes them, or they opted out.',
};

const bucketFields = Object.fromEntries(
  buckets.map((bucket) => [bucket, count.meta({ description: bucketTexts[bucket] })]),
) as Record<Bucket, typeof count>;

const ReplayCounts = z
  .object({
    selected: count.meta({ description: 'Events that the request selects.' }),
    selectedExact: z.boolean().meta({
      description:
        'false: `selected` is still being counted, or, with FQL that events themselves have to be read for, an estimate until the end.',
    }),
    ...bucketFields,
    remaining: count.meta({ description: 'Not decided yet.' }),
  })
  .meta({
    id: 'ReplayCounts',
    description: 'In events; each is in one bucket. With `remaining` they add up to `selected`.',
  });

/** A replay's request as it is given back: defaults filled in, times absolute. */
const AnsweredRequest = z.object({ ...replayRequestFields, newIds: z.boolean() }).meta({
  id: 'AnsweredReplayRequest',
  description:
    'As it was first asked for, with its defaults filled in and its times absolute. How what can be changed is now stands beside it: `pace`, `schedule`, `range`, `label`, `labels`, `note`.',
});

/** The first few events of each reason. */
export const Samples = z.record(
  z.string(),
  z.array(z.object({ position: z.int(), message: z.exactOptional(z.string()) })),
);

export const Replay = z
  .object({
    id: Id,
    destinationId: Id,
    parentId: Id.nullable().meta({ description: 'The replay that this one takes up again.' }),
    label: ReplayName.nullable(),
    labels: ReplayLabels,
    note: ReplayNote.nullable(),
    status: z.enum(replayStatuses),
    statusReason: z.string().nullable().meta({ description: statusReasonText }),
    nextRetryAt: Time.nullable().meta({ description: 'When it tries again by itself.' }),
    request: AnsweredRequest,
    pace: z
      .object({
        eventsPerSecond: z.number().nullable(),
        maxConcurrent: z.int().nullable(),
        lanes: z.int(),
      })
      .meta({ description: 'As it is now; the request says how it was asked for.' }),
    ...scheduleFields,
    canary: z
      .object({ events: z.int(), then: z.enum(['approve', 'continue']), passed: z.boolean() })
      .nullable()
      .meta({
        description: 'The first events; passed: they went well, or somebody approved them by resuming.',
      }),
    brakesReleased: z.array(z.string()).meta({
      description: 'Reasons past which somebody has resumed: they do not pause this replay again.',
    }),
    counts: ReplayCounts,
    byAction: z
      .record(z.string(), z.record(z.string(), count))
      .meta({ description: 'In deliveries, by id of the action and bucket.' }),
    reasons: z.record(z.string(), count).meta({ description: 'Why events were not sent, by reason.' }),
    samples: Samples.meta({
      description:
        'The first few events of each reason for which nothing was sent, and of those `delivered`. `GET /api/events/{position}` shows one; a message says what was wrong with it, or what the destination answered.',
    }),
    deadByClass: z.record(z.string(), count).meta({
      description:
        'Its dead letters by kind of failure, in deliveries, the most frequent first: `GET /api/dead-letters?replayId=…` has them. Those delivered since still count.',
    }),
    range: ShownRange,
    cursor: z
      .object({ position: z.int(), receivedAt: Time.nullable() })
      .meta({ description: 'Everything up to here is decided or waits for its next try.' }),
    rate: z
      .number()
      .meta({ description: 'Events settled per second, lately, also those that need not be sent.' }),
    etaSeconds: z.int().nullable().meta({
      description:
        'Time of sending that is left at the rate of now; hours outside its windows are not in it.',
    }),
    workflow: z.object({ id: z.string(), url: z.string().nullable() }),
    createdAt: Time,
    startedAt: Time.nullable(),
    endedAt: Time.nullable(),
  })
  .meta({ id: 'Replay' });

/** The answer to a request for a replay. */
export const ReplayWithWarnings = Replay.extend({ warnings: ReplayWarnings }).meta({
  id: 'ReplayWithWarnings',
});

/** A replay as it is answered. */
export function showReplay(
  run: RunRecord,
  orchestrator: Pick<Orchestrator, 'workflowUrl'>,
): z.input<typeof Replay> {
  const { status, statusReason, nextRetryAt } = replayStatus(run);
  const counted = sumCounts(run.lanes.map((lane) => lane.counts));
  const counts = showCounts(run, counted);
  const exact = run.lanes.reduce((sum, lane) => sum + (lane.leaseLive ? lane.rate : 0), 0);
  const rate = Math.round(exact * 10) / 10; // sums of tenths have a long tail
  const last = run.lanes.reduce((low, lane) => (lane.mark < low.mark ? lane : low));
  const id = replayWorkflowId(run.destinationId, run.id);
  return {
    id: run.id,
    destinationId: run.destinationId,
    parentId: run.parentId,
    label: run.label,
    labels: [...run.labels],
    note: run.note,
    status,
    statusReason,
    nextRetryAt: nextRetryAt?.toISOString() ?? null,
    request: { ...run.request, range: firstRange(run) } as z.input<typeof AnsweredRequest>,
    pace: { eventsPerSecond: run.eventsPerSecond, maxConcurrent: run.maxConcurrent, lanes: run.lanes.length },
    ...showSchedule(run),
    canary: run.canary === null ? null : { ...run.canary, passed: run.canaryPassed },
    brakesReleased: [...run.brakesReleased],
    counts,
    byAction: copyOf(counted.byAction),
    reasons: { ...counted.reasons },
    samples: samplesOf(run),
    deadByClass: deadByClassOf(run),
    range: showRange(run),
    cursor: { position: last.mark, receivedAt: last.markReceivedAt?.toISOString() ?? null },
    rate: run.endedAt === null ? rate : 0,
    etaSeconds: etaOf(run, counts.remaining, rate),
    workflow: { id, url: orchestrator.workflowUrl(id) },
    createdAt: run.createdAt.toISOString(),
    startedAt: run.startedAt?.toISOString() ?? null,
    endedAt: run.endedAt?.toISOString() ?? null,
  };
}

function showCounts(run: RunRecord, counted: Counts): z.input<typeof ReplayCounts> {
  const events = Object.fromEntries(buckets.map((bucket) => [bucket, counted.events[bucket] ?? 0]));
  return {
    selected: run.selectedExact ? run.selected : Math.max(run.selected, countedEvents(counted)),
    selectedExact: run.selectedExact,
    ...(events as Record<Bucket, number>),
    remaining: Math.max(0, run.selected - countedEvents(counted)),
  };
}

function etaOf(run: RunRecord, remaining: number, rate: number): number | null {
  if (run.endedAt !== null || !run.selectedExact || rate <= 0) return null;
  return Math.ceil(remaining / rate);
}

function samplesOf(run: RunRecord): z.input<typeof Replay>['samples'] {
  return mergeSamples(run.lanes.map((lane) => lane.samples));
}

/** The most frequent kind first. */
function deadByClassOf({ lanes }: RunRecord): Record<string, number> {
  const sums = new Map<string, number>();
  for (const { deadByClass } of lanes)
    for (const [kind, dead] of Object.entries(deadByClass)) sums.set(kind, (sums.get(kind) ?? 0) + dead);
  return Object.fromEntries([...sums].toSorted(([a, most], [b, more]) => more - most || (a < b ? -1 : 1)));
}

function copyOf(byAction: Counts['byAction']): Record<string, Record<string, number>> {
  return Object.fromEntries(Object.entries(byAction).map(([action, part]) => [action, { ...part }]));
}

export const replayExample: z.input<typeof Replay> = {
  id: '2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914',
  destinationId: '0f4b1d0e-52ab-4a0e-8e57-2f6c0a9d1e33',
  parentId: null,
  label: 'October outage',
  labels: ['incident-4711', 'team:growth'],
  note: null,
  status: 'running',
  statusReason: null,
  nextRetryAt: null,
  request: {
    destinationId: '0f4b1d0e-52ab-4a0e-8e57-2f6c0a9d1e33',
    range: { by: 'received', from: '2026-10-14T02:00:00.000Z', to: '2026-10-14T08:00:00.000Z' },
    filter: { types: ['track'], names: ['Order Completed'] },
    mode: 'missing',
    newIds: false,
    pace: { eventsPerSecond: 30 },
    order: 'user',
    label: 'October outage',
    labels: ['incident-4711', 'team:growth'],
  },
  pace: { eventsPerSecond: 30, maxConcurrent: null, lanes: 1 },
  schedule: null,
  startsAt: null,
  openWindow: null,
  closesAt: null,
  opensAt: null,
  canary: null,
  brakesReleased: [],
  counts: {
    selected: 1_912,
    selectedExact: true,
    waiting: 4,
    dead: 0,
    unconfirmable: 0,
    delivered: 1_166,
    alreadyDelivered: 0,
    suppressed: 3,
    invalid: 0,
    superseded: 0,
    tooOld: 0,
    filtered: 0,
    remaining: 739,
  },
  byAction: { 'b1f0d7c2-9a34-4e6b-8c15-7d2e4f6a8b90': { delivered: 1_166, waiting: 4 } },
  reasons: {},
  samples: {},
  deadByClass: {},
  range: {
    by: 'received',
    from: '2026-10-14T02:00:00.000Z',
    to: '2026-10-14T08:00:00.000Z',
    fromPosition: 1,
    toPosition: 182_000,
    cutToStream: false,
    unreachable: null,
  },
  cursor: { position: 97_411, receivedAt: '2026-10-14T05:12:44.120Z' },
  rate: 29.8,
  etaSeconds: 25,
  workflow: {
    id: 'replay/0f4b1d0e-52ab-4a0e-8e57-2f6c0a9d1e33/2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914',
    url: 'http://localhost:8233/namespaces/default/workflows/replay',
  },
  createdAt: '2026-11-22T09:00:00.000Z',
  startedAt: '2026-11-22T09:00:00.310Z',
  endedAt: null,
};
