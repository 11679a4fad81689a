import { expect, test } from 'vitest';
import { tellOfFailing } from '../../src/db/destination-failing.ts';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { append, connect, newEngine, newReplay, runToEnd, turns, type Engine } from '../support/engine.ts';

const db = await testDatabase();
const api = await testApi(db);

/** Looks as several processes do. @returns what was told of its destination, oldest first */
async function toldOf({ destinationId }: Engine) {
  await Promise.all(Array.from({ length: 3 }, () => tellOfFailing(db)));
  const { body } = await api.call('GET', `/api/operator-events?destinationId=${destinationId}&limit=50`);
  const told = body.data as { type: string; reason: string | null; failed?: number; delivered?: number }[];
  return told.filter(({ type }) => type.startsWith('destination.')).toReversed();
}

/** A destination whose events arrive but for those of some users. */
async function replayed(refusedUsers: readonly string[]): Promise<Engine> {
  const engine = await newEngine(db);
  await append(engine, turns(60, 10));
  engine.sink.answer = ({ userId }) => (refusedUsers.includes(userId) ? 422 : 200);
  await connect(engine);
  await runToEnd(engine, await newReplay(engine));
  return engine;
}

test('a destination that refuses a fifth is told of once, and once more when that is over', async () => {
  const engine = await replayed(['u1', 'u6']);
  const failing = {
    type: 'destination.failing',
    reason: 'http_422',
    failed: 12,
    delivered: 48,
    replayId: null,
  };
  expect(await toldOf(engine)).toMatchObject([failing]);
  expect(await toldOf(engine)).toMatchObject([failing]);
  // Ten minutes later the same counts are of before.
  await db.run(sql`update lane_history set minute = minute - interval '11 minutes'`);
  const recovered = { type: 'destination.recovered', reason: 'failing', failed: 0, delivered: 0 };
  expect(await toldOf(engine)).toMatchObject([failing, recovered]);
  expect(await toldOf(engine)).toHaveLength(2);
});

test('one that refuses few is not told of, nor one that is down', async () => {
  expect(await toldOf(await replayed(['u3']))).toEqual([]);
  const engine = await replayed(['u1', 'u6']);
  await db.run(
    sql`insert into destination_alert (destination_id, down) values (${engine.destinationId}, true)`,
  );
  expect(await toldOf(engine)).toEqual([]);
  await db.run(sql`update destination_alert set down = false where destination_id = ${engine.destinationId}`);
  expect(await toldOf(engine)).toMatchObject([{ type: 'destination.failing' }]);
});
