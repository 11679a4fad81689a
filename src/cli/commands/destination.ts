import { withExamples, type Register } from '../command.ts';
import { exits, Failure } from '../failure.ts';
import { given } from '../given.ts';
import { limited, showList } from '../lists.ts';
import { named } from '../names.ts';
import type { Session } from '../session.ts';
import type { Destination } from '../shapes.ts';
import { facts } from '../table.ts';
import { count, moment, plain } from '../texts.ts';
import { destinationChanges } from './destination-change.ts';
import { previewCommand } from './destination-preview.ts';
import { laneCommands } from './lanes.ts';
import { sourcesOf, withSettings, type SettingOptions } from './destination-settings.ts';

interface CreateOptions extends SettingOptions {
  readonly type: string;
  readonly filter?: string;
  readonly region?: string;
  readonly disabled?: boolean;
}

/** Connecting, testing and steering destinations. */
export const destinationCommands: Register = (parent, on) => {
  const destination = parent.command('destination').description('where events go');
  withExamples(
    limited(destination.command('list').description('list destinations, newest first')).action(on(list)),
    ['reprise destination list', 'With the state of each stream'],
  );
  withExamples(
    destination.command('get <destination>').description('show a destination (name or id)').action(on(get)),
    ['reprise destination get demo-crm', 'Names may be written as one types them'],
  );
  const creating = destination
    .command('create <name>')
    .description('connect a destination; from then on it gets new events')
    .option('--type <type>', 'a type of the catalog', 'webhook');
  withExamples(
    withSettings(creating, false)
      .option('--region <region>', 'where it keeps what it is sent: eu, us-east-1')
      .option('--filter <fql>', 'only events for which this FQL holds')
      .option('--disabled', 'send it no new events yet')
      .action(on(create)),
    ['reprise destination create "Demo CRM" --url http://localhost:4010/events', 'A webhook'],
    [
      'reprise destination create Warehouse --url https://example.com/events --set batchSize=100 --rate 500/s',
      'In batches, within a budget',
    ],
    [
      `reprise destination create Orders --url https://example.com/orders --filter 'event = "Order Completed"'`,
      'Only some events',
    ],
  );
  steering(destination, on);
  previewCommand(destination, on);
  destinationChanges(destination, on);
  laneCommands(destination, on, 'destination');
};

const steering: Register = (destination, on) => {
  withExamples(
    destination.command('test <destination>').description('send one test event to it').action(on(test)),
    [
      'reprise destination test demo-crm',
      'Exit code 1 when it is not taken, also when there is nothing to test with (`ok` is null)',
    ],
  );
  for (const verb of ['pause', 'resume'] as const) {
    const description =
      verb === 'pause' ? 'hold its new events back; none is lost' : 'let its new events go on';
    withExamples(
      destination
        .command(`${verb} <destination>`)
        .description(description)
        .action(on((session, _, [name = '']) => steer(session, verb, name))),
      [`reprise destination ${verb} demo-crm`, 'Replays are not affected'],
    );
  }
};

/** How its stream stands, in a word or two. */
export function streamOf({ stream, enabled, disabledReason }: Destination): string {
  if (!enabled) return disabledReason === null ? 'disabled' : `disabled (${disabledReason})`;
  if (stream === null) return 'none';
  return stream.statusReason === null ? stream.status : `${stream.status} (${stream.statusReason})`;
}

async function list(session: Session, { limit }: { limit: number }): Promise<void> {
  await showList<Destination>(session, {
    path: '/api/destinations',
    query: {},
    limit,
    headings: ['id', 'name', 'type', 'stream', 'cursor'],
    row: (one) => [
      one.id,
      one.name,
      one.type,
      streamOf(one),
      one.stream === null ? '' : count(one.stream.cursor.position),
    ],
    none: 'There is no destination yet. `reprise destination create <name> --url <url>` connects one.',
  });
}

async function get(session: Session, _: unknown, [name = '']: readonly string[]): Promise<void> {
  const destination = await named<Destination>(session.api, 'destination', name);
  warn(session, destination);
  show(session, destination);
}

async function create(
  session: Session,
  options: CreateOptions,
  [name = '']: readonly string[],
): Promise<void> {
  const { type, url, set, filter, disabled, rate, requestRate, concurrency, region } = options;
  const settings = given({ url, ...set }) ?? {};
  const budget = given({
    eventsPerSecond: rate,
    requestsPerSecond: requestRate,
    maxConcurrent: concurrency,
  });
  const sources = await sourcesOf(session.api, options.sources);
  const body = {
    type,
    name,
    settings,
    enabled: disabled !== true,
    ...given({ budget, sources, filter, region }),
  };
  const made = await session.api.json<Destination & { generated?: Record<string, string> }>(
    '/api/destinations',
    { method: 'POST', body, creates: true },
  );
  const { out } = session;
  warn(session, made);
  if (out.json) return out.document(made);
  if (out.quiet) return out.data(made.id);
  show(session, made);
  for (const [setting, value] of Object.entries(made.generated ?? {}))
    out.data(`${setting}  ${plain(value)}`);
  if (made.generated !== undefined) out.say('That was generated, and is not shown again.');
  out.say(
    `Next: reprise destination test ${made.id}\n      reprise replay create --destination ${made.id} --last 30d --watch`,
  );
}

const testMarks = { true: ['green', '✓'], false: ['red', '✗'], null: ['yellow', '?'] } as const;

async function test(session: Session, _: unknown, [name = '']: readonly string[]): Promise<void> {
  const { id } = await named<Destination>(session.api, 'destination', name);
  const result = await session.api.json<{ ok: boolean | null; message: string; latencyMs: number }>(
    `/api/destinations/${id}/test`,
    { method: 'POST', deadlineMs: 60_000 },
  );
  const { out } = session;
  if (out.json) out.document(result);
  else {
    const [style, mark] = testMarks[`${result.ok}`];
    out.data(
      `${out.paint(style, mark, 'stdout')} ${plain(result.message)}  ${Math.round(result.latencyMs)} ms`,
    );
  }
  if (result.ok !== true) throw new Failure(exits.error, '');
}

async function steer(session: Session, verb: 'pause' | 'resume', name: string): Promise<void> {
  const { id } = await named<Destination>(session.api, 'destination', name);
  const destination = await session.api.json<Destination>(`/api/destinations/${id}/${verb}`, {
    method: 'POST',
  });
  if (session.out.json) return session.out.document(destination);
  session.out.data(streamOf(destination));
}

function warn({ out }: Session, { warnings }: Destination): void {
  for (const { message } of warnings) out.warn(plain(message));
}

function show({ out }: Session, one: Destination): void {
  if (out.json) return out.document(one);
  const budget = Object.entries(one.budget).map(([limit, value]) => `${limit} ${value}`);
  const pairs: [string, string][] = [
    ['Destination', one.id],
    ['Name', one.name],
    ['Type', one.type],
    ['Stream', streamOf(one)],
    ['Cursor', one.stream === null ? '' : `position ${count(one.stream.cursor.position)}`],
    ['Seam', one.seam === null ? '' : `position ${count(one.seam)}: what lies before comes by a replay`],
    ['Filter', one.filter ?? ''],
    [
      'Not kept',
      one.unreachable === null
        ? ''
        : `up to position ${count(one.unreachable.toPosition)}, received before ${moment(one.unreachable.before)}`,
    ],
    ['Budget', budget.join(', ')],
    ['Region', one.region ?? 'not stated'],
    ['Settings', one.settingsSet === null ? 'sealed with another key' : one.settingsSet.join(', ')],
    ['Connected', moment(one.createdAt)],
  ];
  out.data(
    facts(
      pairs.filter(([, value]) => value !== ''),
      out.width,
    ),
  );
}
