import { Option } from 'commander';
import { words } from '../arguments.ts';
import { withExamples, type Register } from '../command.ts';
import { exits, Failure } from '../failure.ts';
import { limited, showList } from '../lists.ts';
import { named } from '../names.ts';
import type { Session } from '../session.ts';
import type { Notification, NotificationWithSecret } from '../shapes.ts';
import { facts } from '../table.ts';
import { count, moment, plain } from '../texts.ts';

interface CreateOptions {
  readonly name?: string;
  readonly events?: readonly string[];
}

/** Who is told of what operators want to hear of. */
export const notificationCommands: Register = (parent, on) => {
  const notification = parent.command('notification').description('who is told when something happens');
  withExamples(
    notification
      .command('create <url>')
      .description('have operator events sent to an address, signed; the secret is shown this one time')
      .option('--name <name>', 'a name for people; else the host of the address')
      .addOption(
        new Option('--events <type,…>', 'only these types: replay.failed, destination.down, …').argParser(
          words,
        ),
      )
      .action(on(create)),
    ['reprise notification create https://example.com/hooks/reprise --name "On call"', 'Of everything'],
    [
      'reprise notification create https://example.com/hooks/reprise --events replay.failed,destination.down',
      'Of what needs somebody',
    ],
  );
  withExamples(
    limited(notification.command('list').description('list notifications, newest first')).action(on(list)),
    ['reprise notification list', 'With what waits and what fails'],
  );
  withExamples(
    notification
      .command('get <notification>')
      .description('show a notification (name or id), and how sending fares')
      .action(on(get)),
    ['reprise notification get on-call', 'Names may be written as one types them'],
  );
  withExamples(
    notification
      .command('test <notification>')
      .description('send one signed test event to it')
      .action(on(test)),
    ['reprise notification test on-call', 'Exit code 1 when it is not taken'],
  );
  withExamples(
    notification
      .command('delete <notification>')
      .description('send nothing to it any more, also not what waits')
      .action(on(remove)),
    ['reprise notification delete on-call --yes', 'Without asking'],
  );
};

const meant = ({ api }: Session, name: string) => named<Notification>(api, 'notification', name);

async function create(session: Session, { name, events }: CreateOptions, [url = '']: readonly string[]) {
  const body = { url, ...(name !== undefined && { name }), ...(events !== undefined && { events }) };
  const made = await session.api.json<NotificationWithSecret>('/api/notifications', {
    method: 'POST',
    body,
    creates: true,
  });
  const { out } = session;
  if (out.json) return out.document(made);
  if (out.quiet) return out.data(made.secret ?? made.id);
  show(session, made);
  out.data(`Secret  ${plain(made.secret ?? '')}`);
  out.say(`It is not shown again; the receiver checks with it.\nNext: reprise notification test ${made.id}`);
}

async function list(session: Session, { limit }: { limit: number }): Promise<void> {
  await showList<Notification>(session, {
    path: '/api/notifications',
    query: {},
    limit,
    headings: ['id', 'name', 'address', 'waiting', 'failing since', 'given up', 'last told'],
    row: (one) => [
      one.id,
      one.name,
      one.url ?? '',
      count(one.pending),
      moment(one.failing?.since ?? null),
      count(one.givenUp),
      moment(one.lastDeliveredAt),
    ],
    none: 'Nobody is told of anything. `reprise notification create <url>` changes that.',
  });
}

async function get(session: Session, _: unknown, [name = '']: readonly string[]): Promise<void> {
  show(session, await meant(session, name));
}

async function test(session: Session, _: unknown, [name = '']: readonly string[]): Promise<void> {
  const { id } = await meant(session, name);
  const result = await session.api.json<{ ok: boolean; message: string; latencyMs: number }>(
    `/api/notifications/${id}/test`,
    { method: 'POST', deadlineMs: 60_000 },
  );
  const { out } = session;
  const mark = result.ok ? out.paint('green', '✓', 'stdout') : out.paint('red', '✗', 'stdout');
  if (out.json) out.document(result);
  else out.data(`${mark} ${plain(result.message)}  ${Math.round(result.latencyMs)} ms`);
  if (!result.ok) throw new Failure(exits.error, '');
}

async function remove(session: Session, _: unknown, [asked = '']: readonly string[]): Promise<void> {
  const { id, name, pending } = await meant(session, asked);
  const waits = pending === 0 ? '' : ` ${count(pending)} events that wait are not sent.`;
  await session.confirm(`Delete the notification "${plain(name)}"?${waits}`);
  await session.api.json(`/api/notifications/${id}`, { method: 'DELETE' });
  if (!session.out.json) session.out.data(`${plain(name)} is deleted.`);
}

function show({ out }: Session, one: Notification): void {
  if (out.json) return out.document(one);
  const { failing, lastFailure } = one;
  const pairs: [string, string][] = [
    ['Notification', one.id],
    ['Name', one.name],
    ['Address', one.url ?? 'sealed with another key'],
    ['Events', one.events === null ? 'all' : one.events.join(', ')],
    ['Waiting', count(one.pending)],
    ['Last told', moment(one.lastDeliveredAt)],
    ['Failing', failing === null ? '' : `since ${moment(failing.since)}, ${count(failing.failures)} times`],
    ['Next try', failing === null ? '' : moment(failing.nextTryAt)],
    ['Last failure', lastFailure === null ? '' : `${moment(lastFailure.at)}  ${plain(lastFailure.message)}`],
    ['Given up', one.givenUp === 0 ? '' : `${count(one.givenUp)}, last ${moment(one.lastGivenUpAt)}`],
  ];
  out.data(
    facts(
      pairs.filter(([, value]) => value !== ''),
      out.width,
    ),
  );
}
