import { Argument, Option } from 'commander';
import { eventTypes } from '../../core/event.ts';
import { jsonObject } from '../arguments.ts';
import { withExamples, type Register } from '../command.ts';
import { deliveryLines, suppliedText } from '../event-deliveries.ts';
import { eventFilterOptions, eventQuery, type EventFilterOptions } from '../event-filter.ts';
import { exits, Failure } from '../failure.ts';
import { limited, showList } from '../lists.ts';
import { named } from '../names.ts';
import type { Session } from '../session.ts';
import type { ArchivedEvent, EventWithText, Page, Source } from '../shapes.ts';
import { facts } from '../table.ts';
import { count, moment, plain } from '../texts.ts';
import { tailCommand } from './event-tail.ts';

interface ListOptions extends EventFilterOptions {
  readonly oldest?: boolean;
  readonly limit: number;
}

interface SendOptions {
  readonly source?: string;
  readonly user?: string;
  readonly anonymous?: string;
  readonly name?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly traits?: Readonly<Record<string, unknown>>;
}

/** Looking into the archive, and sending an event of one's own. */
export const eventCommands: Register = (parent, on) => {
  const event = parent.command('event').description('look into the archive, send an event');
  withExamples(
    limited(eventFilterOptions(event.command('list').description('list events, newest first')))
      .option('--oldest', 'oldest first')
      .action(on(list)),
    ['reprise event list --name "Order Completed" --limit 1000', 'Pages come by themselves'],
    ['reprise event list --user user-42 --json | jq .[].position', 'For a script'],
    [
      'reprise event list --from 2026-10-14T02:00:00Z --to 2026-10-14T06:00:00Z --oldest',
      'What came in that night, as it came',
    ],
  );
  tailCommand(event, on);
  withExamples(
    event
      .command('get <event>')
      .description('show an event and every delivery of it, by its position or its messageId')
      .action(on(get)),
    ['reprise event get 182340', 'Who has it, who does not and why, and the event as it goes out'],
    ['reprise event get node-next-1763803798120-5f0c --json | jq .event', 'With every digit of its numbers'],
  );
  withExamples(
    event
      .command('send')
      .addArgument(new Argument('<type>', 'kind of call').choices([...eventTypes]))
      .description('send an event, as an SDK does')
      .option('--source <source>', 'name or id of the source; needed where there are several')
      .option('--user <id>', 'its userId')
      .option('--anonymous <id>', 'its anonymousId')
      .option('--name <name>', 'its name')
      .addOption(new Option('--properties <json>', 'its properties').argParser(jsonObject))
      .addOption(new Option('--traits <json>', 'its traits').argParser(jsonObject))
      .action(on(send)),
    [
      `reprise event send track --user me --name Hello --properties '{"total":25}'`,
      'It is at every destination a moment later',
    ],
  );
};

async function list(session: Session, { oldest, limit, ...filter }: ListOptions): Promise<void> {
  await showList<ArchivedEvent>(session, {
    path: '/api/events',
    query: { ...(await eventQuery(session, filter)), order: oldest === true ? 'oldest' : undefined },
    limit,
    headings: ['position', 'received', 'type', 'name', 'user'],
    row: eventRow,
    none: 'There is no such event.',
  });
}

/** An event on a line. */
function eventRow(one: ArchivedEvent): string[] {
  return [
    String(one.position),
    moment(one.receivedAt),
    one.type,
    one.name ?? '',
    one.userId ?? one.anonymousId ?? '',
  ];
}

async function get(session: Session, _: unknown, [id = '']: readonly string[]): Promise<void> {
  const text = await session.api.text(`/api/events/${encodeURIComponent(id)}`);
  const { out } = session;
  if (out.json) return out.data(text);
  const { event, raw, deliveries, supplied, ...one } = JSON.parse(text) as EventWithText;
  const rows: [string, string | null][] = [
    ['Position', count(one.position)],
    ['Received', moment(one.receivedAt)],
    ['Happened', moment(one.timestamp)],
    ['Type', one.type],
    ['Name', one.name],
    ['User', one.userId],
    ['Anonymous', one.anonymousId],
    ['Message', one.messageId],
    ['Source', one.sourceId],
    ['Live', one.live ? 'yes' : 'no: imported history'],
    ['Supplied', suppliedText(supplied)],
  ];
  out.data(
    facts(
      rows.filter((row): row is [string, string] => row[1] !== null),
      out.width,
    ),
  );
  out.data(`\n${deliveryLines(deliveries).join('\n')}`);
  out.data(`\n${JSON.stringify(event, null, 2)}`);
  out.say(`It came as ${count(Buffer.byteLength(raw))} bytes: --json shows them.`);
}

async function send(session: Session, options: SendOptions, [type = '']: readonly string[]): Promise<void> {
  const { user: userId, anonymous: anonymousId, name, properties, traits } = options;
  const source = await sourceOf(session, options.source);
  if (source.writeKey === null)
    throw new Failure(
      exits.conflict,
      `The source "${plain(source.name)}" has no write key that is accepted.`,
    );
  const body = {
    ...(userId !== undefined && { userId }),
    ...(anonymousId !== undefined && { anonymousId }),
    ...(name !== undefined && (type === 'track' ? { event: name } : { name })),
    ...(properties !== undefined && { properties }),
    ...(traits !== undefined && { traits }),
  };
  const headers = {
    authorization: `Basic ${Buffer.from(`${source.writeKey}:`).toString('base64')}`,
    'x-strict-mode': '1',
  };
  const answer = await session.api.json<unknown>(`/v1/${type}`, { method: 'POST', body, headers });
  if (session.out.json) return session.out.document(answer);
  session.out.say(`Sent by the source "${plain(source.name)}".\nNext: reprise event list --limit 1`);
}

async function sourceOf({ api }: Session, asked: string | undefined): Promise<Source> {
  if (asked !== undefined) return await named<Source>(api, 'source', asked);
  const { data } = await api.json<Page<Source>>('/api/sources', { query: { limit: 2 } });
  const [only, another] = data;
  if (only === undefined)
    throw new Failure(exits.notFound, 'There is no source yet.', [
      '`reprise source create <name>` makes one.',
    ]);
  if (another === undefined) return only;
  throw new Failure(exits.usage, 'There are several sources: say which by --source.', [
    '`reprise source list` shows them.',
  ]);
}
