import { expect, test } from 'vitest';
import { disableDestination } from '../../src/db/destination-state.ts';
import { tellOfHealth } from '../../src/db/operator-events.ts';
import { brakeReplay, setReplayDesired } from '../../src/db/replays.ts';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { append, connect, destinationOf, newEngine, newReplay, runToEnd, turns } from '../support/engine.ts';

const db = await testDatabase();
const api = await testApi(db);

interface Told {
  readonly type: string;
  readonly replayId: string | null;
  readonly reason: string | null;
  readonly withFailures?: boolean;
}
/** What was told of a destination, oldest first. */
async function toldOf(destinationId: string): Promise<Told[]> {
  const { body } = await api.call('GET', `/api/operator-events?destinationId=${destinationId}`);
  return (body.data as Told[]).toReversed();
}
const typesOf = async (destinationId: string) => (await toldOf(destinationId)).map(({ type }) => type);

test('a replay is told of when it begins, pauses, goes on and ends, and what it gave up on once for each kind', async () => {
  const engine = await newEngine(db);
  await append(engine, turns(30, 30));
  const answers: Record<string, number> = { u1: 400, u9: 400, u17: 422 };
  engine.sink.answer = ({ userId }) => answers[userId] ?? 200;
  const run = await newReplay(engine, { pace: { lanes: 2 } });
  expect(await brakeReplay(db, run, 'error_rate')).toBe(true);
  expect(await brakeReplay(db, run, 'error_rate')).toBe(false);
  await setReplayDesired(db, run, 'running');
  await setReplayDesired(db, run, 'running');
  await runToEnd(engine, run);
  const told = await toldOf(engine.destinationId);
  expect(told.filter(({ type }) => type !== 'delivery.exhausted')).toMatchObject([
    { type: 'replay.started', replayId: run, reason: null },
    { type: 'replay.paused', replayId: run, reason: 'error_rate' },
    { type: 'replay.resumed', replayId: run },
    { type: 'replay.completed', replayId: run, withFailures: true },
  ]);
  const exhausted = told.filter(({ type }) => type === 'delivery.exhausted');
  expect(exhausted).toHaveLength(2);
  expect(new Set(exhausted.map(({ reason }) => reason))).toEqual(new Set(['http_400', 'http_422']));
});

test('nothing is told of what was not committed; one that is cancelled and a destination that is gone are told of', async () => {
  const engine = await newEngine(db);
  await append(engine, turns(5));
  const run = await newReplay(engine);
  const undone = db.transaction(async (tx) => {
    await setReplayDesired(tx, run, 'paused');
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  expect(await typesOf(engine.destinationId)).toEqual(['replay.started']);
  await disableDestination(db, await destinationOf(engine), 'gone');
  await api.call('POST', `/api/replays/${run}/cancel`);
  expect((await typesOf(engine.destinationId)).toSorted()).toEqual([
    'destination.disabled',
    'replay.cancelled',
    'replay.paused',
    'replay.started',
  ]);
  const first = (await api.call('GET', `/api/operator-events?destinationId=${engine.destinationId}&limit=3`))
    .body;
  const rest = await api.call(
    'GET',
    `/api/operator-events?destinationId=${engine.destinationId}&cursor=${first.nextCursor}`,
  );
  expect([...first.data, ...rest.body.data]).toHaveLength(4);
});

test('a destination is down and up again once, whoever looks; one that flaps is neither', async () => {
  const engine = await newEngine(db);
  const stream = await connect(engine);
  const stand = async (state: string, reason: string | null) =>
    await db.run(sql`update lane set state = ${state}, state_reason = ${reason} where run_id = ${stream}`);
  const look = async (settling = { downS: 0, upS: 0 }) =>
    await Promise.all(Array.from({ length: 3 }, () => tellOfHealth(db, settling)));
  const patient = { downS: 3_600, upS: 3_600 };
  await stand('held', 'throttled');
  await look();
  await stand('held', 'destination_down: http_500');
  await look(patient);
  await stand('ready', null);
  await look();
  expect(await toldOf(engine.destinationId)).toEqual([]);
  await stand('held', 'destination_down: timeout');
  await look();
  await look();
  await stand('ready', null);
  await look(patient);
  await stand('held', 'destination_down: timeout');
  await look();
  expect(await toldOf(engine.destinationId)).toMatchObject([
    { type: 'destination.down', replayId: null, reason: 'destination_down: timeout' },
  ]);
  await stand('ready', null);
  await look();
  expect(await typesOf(engine.destinationId)).toEqual(['destination.down', 'destination.recovered']);
});
