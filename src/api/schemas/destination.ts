import { z } from 'zod';
import { replayStatuses, replayStatus } from '../../core/replay-status.ts';
import { SourceIds } from '../../core/ids.ts';
import { FqlText } from '../../core/fql/text.ts';
import { catalogSummaries } from '../../destinations/catalog/read.ts';
import { noSuchType } from '../../destinations/catalog/nearest-type.ts';
import type { DestinationRecord } from '../../db/destinations.ts';
import type { RunRecord } from '../../db/runs.ts';
import { streamWorkflowId } from '../../temporal/orchestrator.ts';
import type { ApiDeps } from '../deps.ts';
import { Action, actionExample, NewAction, WantedAction } from './action.ts';
import { Id, Name, Time } from './fields.ts';
import { Region, regionWarnings } from './region.ts';
import { sourceWarnings, Warnings } from './warning.ts';

const rate = z.number().positive().max(1_000_000);
const connections = z.int().positive().max(10_000);
const rateText = 'Most events per second that the account can bear.';
const requestText = 'Most requests per second that the account can bear.';
const connectionText = 'Most requests under way at once; the stream’s share comes first.';

const Budget = z.strictObject({
  eventsPerSecond: z.exactOptional(rate).meta({ description: rateText, example: 100 }),
  requestsPerSecond: z.exactOptional(rate).meta({ description: requestText }),
  maxConcurrent: z.exactOptional(connections).meta({ description: connectionText }),
});

const ChangedBudget = z.strictObject({
  eventsPerSecond: z.exactOptional(rate.nullable()).meta({ description: `${rateText} null: no limit.` }),
  requestsPerSecond: z.exactOptional(rate.nullable()).meta({ description: `${requestText} null: no limit.` }),
  maxConcurrent: z
    .exactOptional(connections.nullable())
    .meta({ description: `${connectionText} null: no limit.` }),
});

const Settings = z.record(z.string(), z.unknown());
const Sources = SourceIds.nullable().meta({
  description:
    'Ids of the sources whose events it takes; one that stands twice counts once. null: all sources.',
});

const DestinationRegion = Region.nullable().meta({
  description: 'Where the destination keeps what it is sent, as you name it. null: not stated.',
});

const Filter = FqlText.nullable().meta({
  description:
    'FQL: events for which it does not hold are not sent, neither by the stream nor by replays; they count as `filtered`, reason `filter`. null: every event.',
  example: 'type = "track" and properties.total >= 100',
});

/** Told beside whatever else is wrong: without the right type nobody knows which settings it asks for. */
const Type = z
  .string()
  .min(1)
  .max(100)
  .superRefine((type, context) => {
    if (!catalogSummaries().some((one) => one.type === type)) context.addIssue(noSuchType(type));
  });

export const NewDestination = z.strictObject({
  type: Type.meta({ description: 'A type of the catalog.', example: 'webhook' }),
  name: Name,
  settings: Settings.meta({
    description: 'What the type asks for: see its schema in the catalog. Stored encrypted, never answered.',
  }),
  actions: z.exactOptional(z.array(NewAction).min(1).max(100)).meta({
    description: 'What it does with which events. Absent: the definition’s own suggestions.',
  }),
  sources: Sources.default(null),
  filter: Filter.default(null),
  budget: z.exactOptional(Budget).meta({
    description:
      'The rate that the account bears. Absent: what the type’s replay profile knows of it, if it knows; {}: no limit.',
  }),
  region: DestinationRegion.default(null),
  enabled: z.boolean().default(true).meta({ description: 'Whether new events are delivered from now on.' }),
});

export const ChangedDestination = z
  .strictObject({
    name: z.exactOptional(Name),
    settings: z.exactOptional(Settings).meta({
      description:
        'Only what changes (RFC 7396): the other settings stay, null takes one away. A secret that is taken away and can be generated is generated anew, and shown in this answer only.',
    }),
    actions: z.exactOptional(z.array(WantedAction).min(1).max(100)).meta({
      description:
        'All that it is to do from now on. One with an id stays and keeps what is absent, one without is added, one that is not named is taken away. A change of trigger or mapping makes a new version; runs that have begun keep theirs.',
    }),
    sources: z.exactOptional(Sources),
    filter: z.exactOptional(Filter),
    budget: z
      .exactOptional(ChangedBudget)
      .meta({ description: 'Only what changes; null takes a limit away.' }),
    region: z.exactOptional(DestinationRegion),
    enabled: z.exactOptional(z.boolean()),
    newAccount: z.exactOptional(z.literal(true)).meta({
      description:
        'The settings now name an account that has nothing yet: whatever was sent so far counts as missing there, so a replay sends it.',
    }),
  })
  .refine((change) => Object.keys(change).length > 0, {
    message:
      'Name what is to change: `name`, `settings`, `actions`, `sources`, `filter`, `budget`, `region`, `enabled` or `newAccount`.',
  });

const Stream = z
  .object({
    status: z.enum(replayStatuses),
    statusReason: z.string().nullable().meta({
      description: '`changing`: it finishes what is in flight, then goes on as it was changed.',
    }),
    nextRetryAt: Time.nullable(),
    cursor: z.object({ position: z.int(), receivedAt: Time.nullable() }),
    workflow: z.object({ id: z.string(), url: z.string().nullable() }),
  })
  .meta({ id: 'Stream', description: 'The delivery of new events.' });

export const Destination = z
  .object({
    id: Id,
    type: z.string(),
    name: Name,
    enabled: z.boolean(),
    disabledReason: z.string().nullable().meta({ description: 'Why Reprise disabled it by itself.' }),
    settingsSet: z.array(z.string()).nullable().meta({
      description:
        'Names of the settings that have a value. null: they were sealed with a key that this server does not have.',
    }),
    sources: Sources,
    filter: Filter,
    budget: Budget,
    region: DestinationRegion,
    seam: z.int().nullable().meta({
      description:
        'Position where its first stream began: what lies before reaches it by a replay. null: it never had one.',
    }),
    unreachable: z.object({ toPosition: z.int(), before: Time }).nullable().meta({
      description:
        'What lies before the seam and is not kept any more, so that no replay reaches it: positions up to `toPosition`, received before `before`. null: all of it may be there.',
    }),
    actions: z.array(Action),
    stream: Stream.nullable().meta({ description: 'null: it gets no new events.' }),
    warnings: Warnings,
    createdAt: Time,
    updatedAt: Time,
  })
  .meta({ id: 'Destination' });

/** The answer that shows generated settings, this one time. */
export const DestinationWithGenerated = Destination.extend({
  generated: z.exactOptional(z.record(z.string(), z.string())).meta({
    description: 'Settings that Reprise generated. They are shown in this answer and never again.',
  }),
}).meta({ id: 'DestinationWithGenerated' });

/** A destination as it is answered. @param settingsSet null when its settings cannot be opened */
export function showDestination(
  destination: DestinationRecord,
  settingsSet: string[] | null,
  deps: Pick<ApiDeps, 'orchestrator' | 'region'>,
): z.input<typeof Destination> {
  const { id, type, name, enabled, disabledReason, sources, filter, budget, region, seam, actions, stream } =
    destination;
  return {
    id,
    type,
    name,
    enabled,
    disabledReason,
    settingsSet,
    sources: sources === null ? null : [...sources],
    filter,
    budget,
    region,
    seam,
    unreachable: destination.unreachable,
    actions: [...actions],
    stream: stream === null ? null : showStream(stream, deps.orchestrator),
    warnings: [...regionWarnings(deps.region, region), ...sourceWarnings(destination)],
    createdAt: destination.createdAt.toISOString(),
    updatedAt: destination.updatedAt.toISOString(),
  };
}

/** A destination's stream as it is answered. */
function showStream(run: RunRecord, orchestrator: ApiDeps['orchestrator']): z.input<typeof Stream> {
  const { status, statusReason, nextRetryAt } = replayStatus(run);
  // A parked stream has nothing to send: it waits for events, not for a worker.
  const parked = status === 'running' && run.lanes.every((lane) => lane.state === 'parked');
  const last = run.lanes.reduce((low, lane) => (lane.mark < low.mark ? lane : low));
  const id = streamWorkflowId(run.destinationId);
  return {
    status,
    statusReason: run.changing ? 'changing' : parked ? null : statusReason,
    nextRetryAt: nextRetryAt?.toISOString() ?? null,
    cursor: { position: last.mark, receivedAt: last.markReceivedAt?.toISOString() ?? null },
    workflow: { id, url: orchestrator.workflowUrl(id) },
  };
}

const streamExample: z.input<typeof Stream> = {
  status: 'running',
  statusReason: null,
  nextRetryAt: null,
  cursor: { position: 182_340, receivedAt: '2026-11-22T09:30:00.000Z' },
  workflow: {
    id: 'stream/0f4b1d0e-52ab-4a0e-8e57-2f6c0a9d1e33',
    url: 'http://localhost:8233/namespaces/default/workflows/stream',
  },
};

export const destinationExample: z.input<typeof Destination> = {
  id: '0f4b1d0e-52ab-4a0e-8e57-2f6c0a9d1e33',
  type: 'webhook',
  name: 'Warehouse',
  enabled: true,
  disabledReason: null,
  settingsSet: ['url', 'secret', 'headers', 'batchSize', 'timeoutMs', 'concurrency'],
  sources: null,
  filter: null,
  budget: { eventsPerSecond: 100 },
  region: 'eu',
  seam: 182_001,
  unreachable: null,
  actions: [actionExample],
  stream: streamExample,
  warnings: [],
  createdAt: '2026-11-22T09:00:00.000Z',
  updatedAt: '2026-11-22T09:00:00.000Z',
};
