import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ReplayRequest } from '../../src/core/replay-request.ts';
import { listDeadLetters, type DeadLetterFilter } from '../../src/db/dead-letters.ts';
import { createReplay, setReplayDesired, type CreateReplay } from '../../src/db/replays.ts';
import { endRunIfDue } from '../../src/db/run-end.ts';
import { sql } from '../../src/db/sql.ts';
import type { DeadLetterChoice } from '../../src/db/dead-letter-holders.ts';
import { deliveryId, deliveryName } from '../../src/destinations/delivery-id.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  connect,
  countsOf,
  newEngine,
  newReplay,
  runOf,
  runToEnd,
  turns,
  type Engine,
  type Sent,
} from '../support/engine.ts';

const db = await testDatabase();

/** Asks for a retry as the API does: a refusal leaves nothing behind. */
async function retry({ destinationId }: Engine, choice: DeadLetterChoice): Promise<CreateReplay> {
  const request = ReplayRequest.parse({ destinationId, mode: 'failed', range: { by: 'position' } });
  const refused = new Error('taken back');
  let made: CreateReplay | undefined;
  try {
    await db.transaction(async (tx) => {
      made = await createReplay(tx, { id: randomUUID(), destinationId, request, choice });
      if (made.kind !== 'created') throw refused;
    });
  } catch (error) {
    if (error !== refused) throw error;
  }
  return made!;
}

async function retried(engine: Engine, choice: DeadLetterChoice = {}): Promise<string> {
  const made = await retry(engine, choice);
  if (made.kind !== 'created') throw new Error(`no replay: ${made.kind}`);
  return made.replay.id;
}

const letters = ({ destinationId }: Engine, filter: DeadLetterFilter = {}) =>
  listDeadLetters(db, { destinationId, ...filter, limit: 100 });
const open = async (engine: Engine) =>
  (await letters(engine, { open: true })).map(({ position }) => position).sort((a, b) => a - b);

/** Answers these events with a status each, all others with 200. */
function poison(engine: Engine, events: readonly Sent[], statuses: readonly number[]): void {
  const byId = new Map(events.map(({ messageId }, index) => [messageId, statuses[index]!]));
  engine.sink.answer = ({ messageId }) => byId.get(messageId) ?? 200;
}

/** A replay of 20 events, some of which were refused. */
async function withDead(statuses: readonly number[]) {
  const engine = await newEngine(db);
  const sent = await append(engine, turns(20));
  const dead = sent.slice(3, 3 + statuses.length);
  poison(engine, dead, statuses);
  const replay = await newReplay(engine);
  await runToEnd(engine, replay);
  const since = engine.sink.arrivals.length;
  const arrived = () => engine.sink.arrivals.slice(since).map(({ messageId }) => messageId);
  return { engine, sent, dead, positions: dead.map(({ position }) => position), replay, arrived };
}

describe('a retry', () => {
  test('sends exactly the dead letters that are meant, and reaches no further than they do', async () => {
    const { engine, dead, positions, arrived } = await withDead([400, 422, 400]);
    expect(await open(engine)).toEqual(positions);
    poison(engine, [], []);
    const child = await retried(engine, { errorClass: 'http_400' });
    const run = await runOf(engine, child);
    expect(run).toMatchObject({ mode: 'failed', selected: 2, selectedExact: true });
    expect([run.fromPosition, run.toPosition]).toEqual([positions[0], positions[2]]);
    expect(await open(engine)).toEqual([positions[1]]); // in the hands of the replay
    expect(await runToEnd(engine, child)).toMatchObject({ endedAs: 'completed' });
    expect(arrived().toSorted()).toEqual([dead[0]!.messageId, dead[2]!.messageId].toSorted());
    expect(await open(engine)).toEqual([positions[1]]);
    const taken = (await letters(engine)).filter(({ retriedBy }) => retriedBy === child);
    expect(taken.map(({ errorClass }) => errorClass)).toEqual(['http_400', 'http_400']);
  });

  test('of chosen letters leaves the others', async () => {
    const { engine, dead, arrived } = await withDead([400, 400, 400]);
    const [letter] = (await letters(engine)).filter(({ position }) => position === dead[1]!.position);
    poison(engine, [], []);
    await runToEnd(engine, await retried(engine, { ids: [letter!.id] }));
    expect(arrived()).toEqual([dead[1]!.messageId]);
  });

  test('of one delivery leaves the other deliveries of its event alone', async () => {
    const engine = await newEngine(db, { actions: 2 });
    const [event] = await append(engine, turns(1));
    const [ours, theirs] = engine.actions.map((action) =>
      deliveryId(deliveryName(engine.destinationId, action, event!.position)),
    );
    engine.sink.answer = ({ id }) => (id === ours ? 400 : 422);
    await runToEnd(engine, await newReplay(engine));
    engine.sink.answer = () => 200;
    const child = await retried(engine, { errorClass: 'http_400' });
    await runToEnd(engine, child);
    expect(engine.sink.arrivals.slice(2).map(({ id }) => id)).toEqual([ours]);
    expect(await countsOf(engine, child)).toEqual({ delivered: 1 });
    expect(await letters(engine, { open: true })).toMatchObject([{ errorClass: 'http_422' }]);
    await runToEnd(engine, await retried(engine));
    expect(engine.sink.arrivals.slice(3).map(({ id }) => id)).toEqual([theirs]);
  });

  test('that fails again leaves new dead letters, which are open in place of the old ones', async () => {
    const { engine, positions, replay } = await withDead([400, 400]);
    const child = await retried(engine, { replayId: replay });
    expect(await runToEnd(engine, child)).toMatchObject({ endedAs: 'completed_with_failures' });
    expect(await letters(engine)).toHaveLength(4);
    expect(await open(engine)).toEqual(positions);
    expect(await letters(engine, { open: true, replayId: replay })).toEqual([]);
    expect(await retry(engine, { replayId: replay })).toEqual({ kind: 'nothing_to_retry', takenBy: child });
    poison(engine, [], []);
    const grandchild = await retried(engine, { replayId: child });
    expect(await runToEnd(engine, grandchild)).toMatchObject({ selected: 2, endedAs: 'completed' });
    expect(await open(engine)).toEqual([]);
    expect(await retry(engine, {})).toMatchObject({ kind: 'nothing_to_retry', takenBy: grandchild });
  });

  test('that is cancelled before it sent anything gives its letters back', async () => {
    const { engine, positions } = await withDead([400, 400]);
    const child = await retried(engine);
    expect(await open(engine)).toEqual([]);
    await setReplayDesired(db, child, 'cancelled');
    await db.transaction((tx) => endRunIfDue(tx, child));
    expect(await open(engine)).toEqual(positions);
    poison(engine, [], []);
    expect(await runToEnd(engine, await retried(engine))).toMatchObject({
      selected: 2,
      endedAs: 'completed',
    });
  });

  test('does not send what another replay delivered between its creation and its start', async () => {
    const { engine, positions, arrived } = await withDead([400, 400]);
    poison(engine, [], []);
    const child = await retried(engine);
    await db.run(sql`update run set desired = 'planned' where id = ${child}`);
    const between = await newReplay(engine, { range: { by: 'position', to: positions[0] } });
    await runToEnd(engine, between);
    await db.run(sql`update run set desired = 'running' where id = ${child}`);
    const before = arrived().length;
    await runToEnd(engine, child);
    expect(await countsOf(engine, child)).toEqual({ alreadyDelivered: 1, delivered: 1 });
    expect(arrived()).toHaveLength(before + 1);
  });

  test('two at once take up each letter once', async () => {
    const { engine } = await withDead([400, 400]);
    const made = await Promise.all([retry(engine, {}), retry(engine, {})]);
    expect(made.map(({ kind }) => kind).toSorted()).toEqual(['created', 'replay_running']);
  });
});

describe('a dead letter is open', () => {
  test('until something else delivered its event', async () => {
    const { engine, positions } = await withDead([400, 400]);
    poison(engine, [], []);
    await runToEnd(engine, await newReplay(engine, { range: { by: 'position', to: positions[0] } }));
    expect(await open(engine)).toEqual([positions[1]]);
    expect(await letters(engine, { open: false })).toMatchObject([
      { position: positions[0], retriedBy: null },
    ]);
  });

  test('although the destination had its event, when it died in a replay that sends all', async () => {
    const engine = await newEngine(db);
    const sent = await append(engine, turns(5));
    await runToEnd(engine, await newReplay(engine));
    poison(engine, [sent[2]!], [400]);
    await runToEnd(engine, await newReplay(engine, { mode: 'all' }));
    expect(await open(engine)).toEqual([sent[2]!.position]);
    await runToEnd(engine, await retried(engine)); // refused once more
    expect(await open(engine)).toEqual([sent[2]!.position]);
    engine.sink.answer = () => 200;
    const child = await retried(engine);
    await runToEnd(engine, child);
    expect(await countsOf(engine, child)).toEqual({ delivered: 1 });
    expect(await open(engine)).toEqual([]);
  });

  test('only while it is not waiting, its action is there, and its source is meant', async () => {
    const { engine, positions } = await withDead([400]);
    const stream = await connect(engine);
    const [action] = engine.actions;
    await db.run(sql`
      insert into waiting_delivery (run_id, lane, position, action_id, order_key, attempts, rounds)
      values (${stream}, 0, ${positions[0]}, ${action}, 'u3', 1, 1)`);
    expect(await open(engine)).toEqual([]);
    await db.run(sql`delete from waiting_delivery where run_id = ${stream}`);
    await db.run(sql`update action set deleted_at = now() where id = ${action}`);
    expect(await open(engine)).toEqual([]);
    await db.run(sql`update action set deleted_at = null where id = ${action}`);
    await db.run(sql`update destination set deleted_at = now() where id = ${engine.destinationId}`);
    expect(await open(engine)).toEqual([]);
    await db.run(sql`update destination set deleted_at = null where id = ${engine.destinationId}`);
    await db.run(
      sql`update destination set sources = ${[randomUUID()]}::uuid[] where id = ${engine.destinationId}`,
    );
    expect(await open(engine)).toEqual([]);
    await db.run(sql`update destination set sources = null where id = ${engine.destinationId}`);
    expect(await open(engine)).toEqual(positions);
  });

  test('above what replays may reach, but is not taken up before its stream has passed it', async () => {
    const { engine, positions } = await withDead([400, 400]);
    const stream = await connect(engine);
    await db.run(sql`update lane set mark = ${positions[0]} where run_id = ${stream}`);
    const child = await retried(engine);
    expect(await runOf(engine, child)).toMatchObject({ selected: 1, toPosition: positions[0] });
    expect(await open(engine)).toEqual([positions[1]]);
  });
});

test('mode failed with a filter takes up what is open and selected', async () => {
  const { engine, dead, positions, arrived } = await withDead([400, 400, 400]);
  poison(engine, [], []);
  const replay = await newReplay(engine, { mode: 'failed', filter: { users: [dead[1]!.userId] } });
  expect(await open(engine)).toEqual([positions[0], positions[2]]);
  await runToEnd(engine, replay);
  expect(arrived()).toEqual([dead[1]!.messageId]);
  const none = await newReplay(engine, { mode: 'failed', filter: { users: [dead[1]!.userId] } });
  expect(await runToEnd(engine, none)).toMatchObject({ selected: 0, endedAs: 'completed' });
});
