import { randomBytes, randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { HeldSlots } from '../../src/activities/held-slots.ts';
import { Accounts } from '../../src/activities/accounts.ts';
import { Slice, type SliceDeps } from '../../src/activities/slice.ts';
import type { SliceEnd } from '../../src/activities/slice-end.ts';
import { SuppressionList } from '../../src/activities/suppression-list.ts';
import { takeLaneWhenFree } from '../../src/activities/take-lane.ts';
import type { Budget } from '../../src/core/budget.ts';
import { sumCounts, type Bucket } from '../../src/core/counts.ts';
import type { HolderWish } from '../../src/core/replay-status.ts';
import { ReplayRequest } from '../../src/core/replay-request.ts';
import { appendEvents } from '../../src/db/archive/append.ts';
import type { Database } from '../../src/db/database.ts';
import { insertDestination } from '../../src/db/destinations.ts';
import { watchHead, type HeadWatch } from '../../src/db/head-watch.ts';
import { readLaneKnowledge } from '../../src/db/lane-knowledge.ts';
import { takeLane, type TakenLane } from '../../src/db/lane-lease.ts';
import { createReplay, type CreateReplay } from '../../src/db/replays.ts';
import { endRunIfDue } from '../../src/db/run-end.ts';
import { readRuns, type RunRecord } from '../../src/db/runs.ts';
import { sql, type Queryable } from '../../src/db/sql.ts';
import { openStream } from '../../src/db/streams.ts';
import type { Sender } from '../../src/destinations/definition.ts';
import { createKeyring, seal, settingsPlace } from '../../src/destinations/secrets.ts';
import { newWebhookSecret } from '../../src/destinations/webhook-signature.ts';
import { createOpenSender } from '../../src/workers/open-sender.ts';
import { EngineSink, startEngineSink } from './engine-sink.ts';
import { newSource, trackEvent } from './events.ts';
import { loopback } from './webhook-sender.ts';

/** What the settings of this process's destinations are sealed with. */
export const secretKey = randomBytes(32).toString('base64');
const keyring = createKeyring(secretKey);
/** Opens a destination as a delivery process does. */
export const openSender = createOpenSender({ keyring, egress: loopback });

/** Ends soon, so that a test does not wait for what a worker would use to save slots. */
export const shortTiming = { sliceMs: 20_000, drainMs: 1_000, idleMs: 50 };

/** An event of the archive, and whose it is. */
export interface Sent {
  readonly position: number;
  readonly messageId: string;
  readonly userId: string;
}

/** A source and a destination that takes its events only, so that tests in one database do not meet. */
export interface Engine {
  readonly db: Database;
  readonly sink: EngineSink;
  readonly head: HeadWatch;
  readonly source: string;
  readonly destinationId: string;
  readonly actions: readonly string[];
}

/** Sets up a webhook whose events go to a sink of this test's own. Its stream is not open yet. */
export async function newEngine(
  db: Database,
  options: {
    actions?: number;
    settings?: Record<string, unknown>;
    allSources?: boolean;
    budget?: Budget;
  } = {},
): Promise<Engine> {
  const sink = await startEngineSink();
  const source = await newSource(db);
  const destinationId = randomUUID();
  const settings = { url: sink.url, secret: newWebhookSecret(), ...options.settings };
  await insertDestination(db, {
    id: destinationId,
    type: 'webhook',
    name: 'Sink',
    enabled: true,
    settingsSealed: seal(settings, settingsPlace(destinationId), keyring),
    sources: options.allSources === true ? null : [source],
    budget: options.budget ?? {},
    actions: Array.from({ length: options.actions ?? 1 }, (_, index) => ({
      name: `Action ${index}`,
      action: null,
      trigger: null,
      mapping: {},
    })),
  });
  const rows = await db.rows<{ id: string }>(
    sql`select id from action where destination_id = ${destinationId} order by created_at, id`,
  );
  const head = lazyHead(db);
  return { db, sink, head, source, destinationId, actions: rows.map(({ id }) => id) };
}

/** Follows the head from the first time that somebody asks: it costs a connection. */
function lazyHead(db: Database): HeadWatch {
  let watch: HeadWatch | null = null;
  onTestFinished(() => watch?.close());
  const opened = () => (watch ??= watchHead(db));
  return {
    get head() {
      return opened().head;
    },
    onRise: (listener) => opened().onRise(listener),
    close: () => opened().close(),
  };
}

const accounts = new WeakMap<Database, Accounts>();

/** What the slices that share a database share, as those of one process do; it ends with its test. */
export function accountsOf(db: Database): Accounts {
  const known = accounts.get(db);
  if (known !== undefined) return known;
  const made = new Accounts(db);
  accounts.set(db, made);
  onTestFinished(async () => {
    accounts.delete(db);
    await made.close();
  });
  return made;
}

/** A replay reads to the end of its range, wherever the head is. */
const noHead: HeadWatch = { head: 0, onRise: () => () => undefined, close: () => Promise.resolve() };

let events = 0;

/** Appends events, one per user named. @param more members of the events; `live: false` imports them */
export async function append(
  engine: { db: Queryable; source: string },
  users: readonly string[],
  more: { live?: boolean; receivedAt?: Date } & Record<string, unknown> = {},
): Promise<Sent[]> {
  const { live = true, receivedAt = new Date(), ...members } = more;
  const named = users.map((userId) => ({ userId, messageId: `e${++events}` }));
  const news = named.map((ids) => trackEvent(engine.source, { ...members, ...ids }, { live, receivedAt }));
  const { head } = await appendEvents(engine.db, news);
  return named.map((ids, index) => ({ ...ids, position: head - named.length + 1 + index }));
}

/** `count` events of `userCount` users in turn. */
export function turns(count: number, userCount = 10): string[] {
  return Array.from({ length: count }, (_, index) => `u${index % userCount}`);
}

/** Opens the destination's stream at the head of the archive. @returns its run's id */
export async function connect({ db, destinationId }: Engine): Promise<string> {
  const stream = await db.transaction((tx) => openStream(tx, destinationId));
  if (stream.kind !== 'open') throw new Error('the last stretch still drains');
  return stream.runId;
}

/** Asks for a replay. @param request what differs from the default one */
export async function ask(
  { db, destinationId }: Pick<Engine, 'db' | 'destinationId'>,
  request: Record<string, unknown> = {},
): Promise<CreateReplay> {
  const parsed = ReplayRequest.parse({ destinationId, ...request });
  return await db.transaction((tx) => createReplay(tx, { id: randomUUID(), destinationId, request: parsed }));
}

/** Creates a replay. @returns its run's id */
export async function newReplay(engine: Engine, request: Record<string, unknown> = {}): Promise<string> {
  const made = await ask(engine, request);
  if (made.kind !== 'created') throw new Error(`no replay: ${made.kind}`);
  return made.replay.id;
}

/** The destination with its settings as they stand. */
export async function destinationOf({ db, destinationId }: Engine): Promise<TakenLane['destination']> {
  const [row] = await db.rows<TakenLane['destination']>(sql`
    select id, name, type, settings_sealed as "settingsSealed" from destination where id = ${destinationId}`);
  return row!;
}

export async function senderOf(engine: Engine): Promise<Sender> {
  return await openSender(
    { kind: 'stream', destination: await destinationOf(engine), actions: [] },
    engine.db,
  );
}

export type RanSlice =
  | SliceEnd
  | { readonly kind: 'notTaken' | 'ended' }
  | { readonly kind: 'unwanted'; readonly desired: HolderWish };

export type SliceOverrides = Partial<Omit<SliceDeps, 'timing'>> & {
  readonly lane?: number;
  readonly timing?: Partial<SliceDeps['timing']>;
  /** Takes the lane as one who has watched its lease stand still. */
  readonly takesOver?: boolean;
};

/** Works one slice of a lane as the activity does, without Temporal around it. */
export async function runSlice(
  engine: Engine,
  runId: string,
  overrides: SliceOverrides = {},
): Promise<RanSlice> {
  const { lane = 0, takesOver = false, timing, ...others } = overrides;
  const now = overrides.now ?? (() => performance.now());
  const takenAt = now();
  const clock = {
    now: takesOver ? hastyClock() : now,
    signal: new AbortController().signal,
    limitMs: 60_000,
  };
  const taken = await takeLaneWhenFree(overrides.db ?? engine.db, { runId, lane }, clock);
  if (taken === null) return { kind: 'notTaken' };
  if (taken.kind === 'stopped') return { kind: 'unwanted', desired: taken.desired };
  if (taken.kind === 'ended') return { kind: 'ended' };
  const sender = overrides.sender ?? (await openSender(taken.lane, engine.db));
  const suppressions = new SuppressionList(engine.db);
  await suppressions.reach(taken.lane.suppressionRevision, clock);
  const deps: SliceDeps = {
    db: engine.db,
    suppressions,
    head: taken.lane.kind === 'stream' ? engine.head : noHead,
    sender,
    accounts: accountsOf(overrides.db ?? engine.db),
    heldSlots: new HeldSlots({ stream: 1, replay: 1 }),
    tell: () => undefined,
    random: Math.random,
    signal: new AbortController().signal,
    ...others,
    now,
    timing: { ...shortTiming, ...timing },
  };
  try {
    return await new Slice(taken.lane, await readLaneKnowledge(deps.db, taken.lane), takenAt, deps).work();
  } finally {
    await sender.close();
  }
}

/** Works a replay's lanes, or a stream, until nothing is left; a replay is ended. @returns it as it then stands */
export async function runToEnd(
  engine: Engine,
  runId: string,
  overrides: SliceOverrides = {},
): Promise<RunRecord> {
  const { lanes } = await runOf(engine, runId);
  await Promise.all(lanes.map(({ lane }) => workLane(engine, runId, { ...overrides, lane })));
  const ended = await engine.db.transaction((tx) => endRunIfDue(tx, runId));
  return ended!;
}

async function workLane(engine: Engine, runId: string, overrides: SliceOverrides): Promise<void> {
  let end = await runSlice(engine, runId, overrides);
  while (end.kind === 'more') end = await runSlice(engine, runId, overrides);
  if (end.kind !== 'done' && end.kind !== 'idle') throw new Error(`the lane ends as ${JSON.stringify(end)}`);
}

/** Takes a lane, which must be free. */
export async function take(db: Database, runId: string, lane = 0): Promise<TakenLane> {
  const taken = await takeLane(db, { runId, lane, token: randomUUID(), stale: null });
  if (taken.kind !== 'taken') throw new Error(`not taken: ${taken.kind}`);
  return taken.lane;
}

export async function runOf({ db }: Pick<Engine, 'db'>, runId: string): Promise<RunRecord> {
  const [run] = await readRuns(db, sql`r.id = ${runId}`);
  if (run === undefined) throw new Error('no such run');
  return run;
}

/** What a run has counted, bucket by bucket, over its lanes. */
export async function countsOf(
  engine: Pick<Engine, 'db'>,
  runId: string,
): Promise<Partial<Record<Bucket, number>>> {
  return sumCounts((await runOf(engine, runId)).lanes.map(({ counts }) => counts)).events;
}

/** The positions that an action has by bits of one run, rising. */
export async function bitsOf({ db }: Pick<Engine, 'db'>, runId: string, actionId: string): Promise<number[]> {
  const rows = await db.rows<{ position: number }>(sql`
    select c.chunk * 8192 + bit as position
    from coverage c join run r on r.number = c.run, generate_series(0, 8191) as bit
    where r.id = ${runId} and c.action_id = ${actionId} and get_bit(c.bits, bit) = 1 order by 1`);
  return rows.map(({ position }) => position);
}

/** A clock on which a lease has run out when one looks again. */
function hastyClock(): () => number {
  let now = 0;
  return () => (now += 3_000);
}

/** A clock that runs with the real one and can be set forward. */
export function skippingClock(): { now: () => number; skip: (ms: number) => void } {
  let skipped = 0;
  return {
    now: () => performance.now() + skipped,
    skip: (ms) => {
      skipped += ms;
    },
  };
}
