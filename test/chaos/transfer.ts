import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isTaken, type FaultLine } from '../support/checker.ts';
import type { SinkMode } from '../support/ledger-sink.ts';
import { openProxy, type Proxy } from '../support/proxy.ts';
import { startSink, type Sink } from '../support/sink.ts';
import { until } from '../support/until.ts';
import { disconnect, enough, finish, type Finding, type Open } from './finding.ts';
import type { Past } from './past.ts';
import { startPolling } from './polling.ts';
import { newSource, roleNames, wallClock, type RoleName, type Source, type Stage } from './stage.ts';
import { startWriters, type Writers } from '../support/writers.ts';

/** Events on their way to one destination: a replay of the past, and the stream of what is written meanwhile. */
export interface Transfer {
  readonly sink: Sink;
  /** The link between the delivery workers and the sink. */
  readonly link: Proxy;
  readonly destinationId: string;
  readonly replayId: string;
  readonly writers: Writers | null;
  /** Waits until deliveries of both kinds have come in, and something is in flight. */
  underWay(): Promise<void>;
  /** Waits until so many requests have been answered since the start. */
  answered(count: number): Promise<void>;
  /** The delivery worker that works the replay now. */
  holder(): Promise<RoleName>;
  /** Does something harmful, and notes when. @param work resolves when it is over */
  fault(fault: Pick<FaultLine, 'name' | 'kind' | 'target'>, work: () => Promise<unknown>): Promise<FaultLine>;
  /** Lets everything arrive, judges it, and disconnects the destination. */
  finish(): Promise<Finding>;
  /** Disconnects the destination without a verdict. */
  disconnect(): Promise<void>;
}

export interface TransferOptions {
  readonly stage: Stage;
  readonly past: Past;
  readonly name: string;
  /** How the sink behaves at first. */
  readonly sink?: SinkMode;
  /** Events per second of the replay; without it as fast as the sink allows. */
  readonly pace?: number;
  /** Live events per second, about; 0: none. */
  readonly livePerSecond?: number;
  /** Whether each fault must hit a transfer under way, or all of them as one: the first may leave nothing to hit. */
  readonly hits?: 'each' | 'together';
}

const lastCommitMs = 200;
/** So slow that a fault finds requests in flight, also on a machine that does much else. */
const usualSink: SinkMode = { delayMs: 100 };
/** In flight when a fault strikes: some may be answered between the look and the strike. */
const inFlight = 3;

/** Connects a new sink, and starts a replay of the past and writers of new events. */
export async function openTransfer(options: TransferOptions): Promise<Transfer> {
  const { stage, past, name, livePerSecond = 60 } = options;
  const sink = await startSink(stage.folder, `sink-${name}`);
  const link = await openProxy(() => Number(new URL(sink.url).port));
  await sink.become(options.sink ?? usualSink);
  const url = `http://127.0.0.1:${link.port}/events`;
  const live = await newSource(stage, name); // no transfer gets the events of another
  const sources = [past.source.id, live.id];
  const made = await stage.call('POST', '/api/destinations', {
    type: 'webhook',
    name,
    settings: { url },
    sources,
  });
  if (made.status !== 201) throw new Error(`no destination: ${JSON.stringify(made.body)}`);
  const destinationId = made.body.id as string;
  const writers = livePerSecond === 0 ? null : liveWriters(stage, live, name, livePerSecond);
  const replayId = await askReplay(options, destinationId);
  const faults: FaultLine[] = [];
  const polls = startPolling(stage, destinationId, replayId);
  const open = { options, sink, link, destinationId, replayId, writers, faults, polls };
  const answered = async (count: number) => {
    const isSo = (state: { answered: number; received: number }) =>
      state.answered >= count && state.received - state.answered >= inFlight;
    await until(`${count} requests are answered`, () => sink.state(), isSo, { everyMs: 5 });
  };
  return {
    sink,
    link,
    destinationId,
    replayId,
    writers,
    answered,
    underWay: async () => {
      const both = () => {
        const taken = sink.lines().filter(isTaken);
        const ofPast = taken.filter(({ messageId }) => past.has(String(messageId))).length;
        return { ofPast, ofLive: taken.length - ofPast };
      };
      const isSo = ({ ofPast, ofLive }: ReturnType<typeof both>) =>
        ofPast >= enough && (writers === null || ofLive >= enough);
      await until('both are under way', both, isSo, { everyMs: 20 });
      await answered(0);
    },
    holder: () => holderOf(stage, `replay/${destinationId}/${replayId}`),
    fault: async (fault, work) => {
      const t0 = wallClock();
      await work();
      const t1 = wallClock();
      const line = { ...fault, t0, t1, ...(await recordedAfter(open, fault)) };
      faults.push(line);
      return line;
    },
    finish: () => finish(open),
    disconnect: () => disconnect(open),
  };
}

function liveWriters(stage: Stage, { writeKey }: Source, name: string, perSecond: number): Writers {
  const ledgerFile = join(stage.folder, `live-${name}.ndjson`);
  const shape = { name, writers: 2, users: 20, batch: 5, pauseMs: 10_000 / perSecond };
  return startWriters({ apiUrl: stage.apiUrl, writeKey, ledgerFile, ...shape });
}

async function holderOf({ temporal, roles }: Stage, workflowId: string): Promise<RoleName> {
  const { workers } = await until(
    'a worker works the replay',
    () => temporal.describe(workflowId),
    (view) => view.workers.length > 0,
  );
  const holder = roleNames.find((name) => workers.some((worker) => worker.startsWith(`${roles[name].pid}@`)));
  if (holder === undefined) throw new Error(`${workers.join()} is none of the processes`);
  return holder;
}

async function askReplay({ stage, past, pace }: TransferOptions, destinationId: string): Promise<string> {
  const { from, to } = past.range;
  const asked = await stage.call('POST', '/api/replays', {
    destinationId,
    range: { by: 'position', from, to },
    ...(pace !== undefined && { pace: { eventsPerSecond: pace } }),
  });
  if (asked.status !== 201) throw new Error(`no replay: ${JSON.stringify(asked.body)}`);
  return asked.body.id as string;
}

/**
 * What the dead had written down, once the last commit that they had sent is done. Whoever takes their lanes comes only
 * seconds later.
 */
async function recordedAfter(
  { options, destinationId }: Open,
  { kind, target }: Pick<FaultLine, 'kind' | 'target'>,
): Promise<Pick<FaultLine, 'recorded'>> {
  if (kind !== 'kill' || !/^(delivery|everything)/.test(target)) return {};
  await delay(lastCommitMs);
  const rows = await options.stage
    .rows<{ message_id: string }>(
      `select distinct e.message_id from action a
         join coverage c on c.action_id = a.id
         join event e on e.position / 8192 = c.chunk and get_bit(c.bits, (e.position % 8192)::int) = 1
       where a.destination_id = $1`,
      [destinationId],
    )
    .catch(() => null); // Postgres is away as well
  return rows === null ? {} : { recorded: rows.map((row) => row.message_id) };
}
