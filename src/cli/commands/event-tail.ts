import { Option } from 'commander';
import { eventTypes } from '../../core/event.ts';
import { whole } from '../arguments.ts';
import { withExamples, type Register } from '../command.ts';
import { exits, Failure } from '../failure.ts';
import { named } from '../names.ts';
import type { ServerEvent } from '../server-events.ts';
import type { Session } from '../session.ts';
import type { ArchivedEvent, DeliveryNews, Destination, Source } from '../shapes.ts';
import { count, moment, plain } from '../texts.ts';
import { follow } from '../watch.ts';

interface TailOptions {
  readonly type?: string;
  readonly name?: string;
  readonly user?: string;
  readonly source?: string;
  readonly rate?: number;
  readonly after?: number;
  readonly deliveries?: boolean;
  readonly destination?: string;
}

/** Following events, and what becomes of them. */
export const tailCommand: Register = (event, on) => {
  withExamples(
    event
      .command('tail')
      .description('follow new events as they come in, until Ctrl-C')
      .addOption(new Option('--type <type>', 'only calls of this kind').choices([...eventTypes]))
      .option('--name <name>', 'only of this name, exactly')
      .option('--user <id>', 'only of this userId or anonymousId')
      .option('--source <source>', 'only of this source (name or id)')
      .addOption(new Option('--rate <n>', 'events a second at most; 100 unless said').argParser(whole))
      .addOption(new Option('--after <position>', 'begin behind this position').argParser(whole))
      .option('--deliveries', 'also what becomes of deliveries, of all events')
      .option('--destination <destination>', 'with --deliveries: only of this destination (name or id)')
      .action(on(tail)),
    ['reprise event tail --name "Order Completed"', 'A line for each, as it comes in'],
    ['reprise event tail --deliveries', 'With what is delivered, set aside and given up on'],
    ['reprise event tail --json | jq .messageId', 'For a script'],
  );
};

async function tail(session: Session, options: TailOptions): Promise<void> {
  const { type, name, user, rate, after } = options;
  if (options.destination !== undefined && options.deliveries !== true)
    throw new Failure(exits.usage, '--destination needs --deliveries, which it is for.');
  const source =
    options.source === undefined ? undefined : await named<Source>(session.api, 'source', options.source);
  const query = { type, name, user, source: source?.id, rate, after };
  const over = new AbortController();
  const until = AbortSignal.any([session.over, over.signal]);
  const away = (why: string) => session.out.say(`${plain(why)}; trying again.`);
  const events = followed(session, { path: '/api/events/stream', query }, until, away, (one) =>
    showEvent(session, one),
  );
  const deliveries = options.deliveries === true ? followDeliveries(session, options, until) : events;
  try {
    await Promise.all([events, deliveries]);
  } finally {
    over.abort(); // one that is refused ends the other
  }
}

async function followDeliveries(
  session: Session,
  { destination }: TailOptions,
  until: AbortSignal,
): Promise<void> {
  const names = new Map<string, string>();
  const chosen =
    destination === undefined ? undefined : await named<Destination>(session.api, 'destination', destination);
  const known =
    chosen === undefined ? session.api.list<Destination>('/api/destinations', {}, 10_000) : [chosen];
  for await (const { id, name } of known) names.set(id, name);
  const query = { destinationId: chosen?.id };
  await followed(
    session,
    { path: '/api/deliveries/stream', query },
    until,
    () => undefined,
    (one) => showDeliveries(session, one, names),
  );
}

async function followed(
  session: Session,
  stream: Parameters<typeof follow>[1],
  until: AbortSignal,
  away: (why: string) => void,
  show: (one: ServerEvent) => void,
): Promise<void> {
  let begun = false;
  for await (const one of follow(session.api, stream, until, away)) {
    if (one.data !== '') show(one);
    // The first thing that is heard says that nothing is missed from here on.
    else if (!begun)
      session.out.say(`Following from position ${count(Number(one.id) + 1)} on. Ctrl-C ends it.`);
    begun = true;
  }
}

function showEvent({ out }: Session, { event, data }: ServerEvent): void {
  if (event === 'event') {
    if (out.json) return out.data(data);
    const { position, receivedAt, type, name, userId, anonymousId } = JSON.parse(data) as ArchivedEvent;
    const who = userId ?? anonymousId ?? '';
    const cells = [
      moment(receivedAt),
      String(position).padStart(9),
      type.padEnd(8),
      plain(name ?? '–'),
      plain(who),
    ];
    return out.data(cells.join('  ').trimEnd());
  }
  if (event === 'skipped') showSkipped(out, data);
}

interface SkippedShown {
  readonly reason: string;
  readonly events?: number | null;
  readonly fromPosition: number;
  readonly toPosition: number;
}

function showSkipped(out: Session['out'], data: string): void {
  const skipped = JSON.parse(data) as SkippedShown;
  if (out.json) return out.document({ skipped });
  const { reason, events, fromPosition, toPosition } = skipped;
  const many = events == null ? 'Events' : `${count(events)} events`;
  out.warn(
    `${many} of positions ${count(fromPosition)} to ${count(toPosition)} are left out (${plain(reason)}).${reason === 'rate' ? ' --rate shows more, a filter fewer.' : ''}`,
  );
}

function showDeliveries(
  { out }: Session,
  { event, data }: ServerEvent,
  names: ReadonlyMap<string, string>,
): void {
  if (event === 'skipped') return out.warn('Deliveries are left out: they come faster than they are read.');
  if (event === 'following') return out.say('Following deliveries.');
  if (event !== 'deliveries') return;
  const news = JSON.parse(data) as DeliveryNews;
  if (out.json) return out.document({ deliveries: news });
  const { destinationId, replayId, to, counts, waitingNow, setAside, dead } = news;
  const by = replayId === null ? 'stream' : `replay ${replayId}`;
  const what = Object.entries(counts).map(([bucket, many]) => `${count(many)} ${bucket}`);
  if (waitingNow > 0) what.push(`${count(waitingNow)} waiting`);
  out.data(`${moment(to)}  → ${plain(names.get(destinationId) ?? destinationId)}, ${by}: ${what.join(', ')}`);
  for (const { position, errorClass, message, nextRetryAt } of setAside) {
    const next = nextRetryAt === null ? '' : `, next try at ${moment(nextRetryAt)}`;
    out.data(`    set aside ${position}: ${plain(errorClass ?? 'failed')}: ${plain(message ?? '')}${next}`);
  }
  for (const { position, errorClass, message } of dead)
    out.data(`    given up on ${position}: ${plain(errorClass)}: ${plain(message)}`);
}
