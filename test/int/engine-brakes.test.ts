import { describe, expect, test } from 'vitest';
import type { LaneNews } from '../../src/activities/lane-news.ts';
import { listAudit } from '../../src/db/audit/read.ts';
import { brakeReplay, setReplayDesired } from '../../src/db/replays.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  connect,
  countsOf,
  newEngine,
  newReplay,
  runOf,
  runSlice,
  runToEnd,
  turns,
  type Engine,
} from '../support/engine.ts';
import { statusOf } from '../support/engine-waiting.ts';

const db = await testDatabase();

const standing = async (engine: Engine, run: string) => {
  const { status, statusReason } = await statusOf(engine, run);
  return [status, statusReason];
};
const resume = (run: string) => setReplayDesired(db, run, 'running');

/** Refuses every n-th event of those that come in, each whenever it comes. */
function refuseEvery(engine: Engine, n: number): void {
  const place = new Map<string, number>();
  engine.sink.answer = ({ messageId }) => {
    if (!place.has(messageId)) place.set(messageId, place.size);
    return place.get(messageId)! % n === 0 ? 422 : 200;
  };
}

describe('a replay pauses itself', () => {
  test('when one failure comes over and over; resumed, it goes on to its end in spite of it', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(2_000, 40));
    refuseEvery(engine, 4);
    const run = await newReplay(engine);
    const news: LaneNews[] = [];

    expect(await runSlice(engine, run, { tell: (piece) => news.push(piece) })).toEqual({ kind: 'stopped' });
    expect(await standing(engine, run)).toEqual(['paused', 'repeated_error: http_422']);
    const { destinationId } = engine;
    expect(news).toEqual([
      {
        what: 'replay_paused',
        reason: 'repeated_error: http_422',
        destinationId,
        kind: 'replay',
        runId: run,
        lane: 0,
      },
    ]);
    expect(await listAudit(db, { resource: `/api/replays/${run}` }, { limit: 10 })).toMatchObject([
      {
        actor: { tokenId: null, name: 'reprise' },
        action: 'brakeReplay',
        content: { after: { desired: 'paused', statusReason: 'repeated_error: http_422' } },
      },
    ]);
    const { dead = 0, delivered = 0 } = await countsOf(engine, run);
    expect(dead).toBeGreaterThanOrEqual(100);
    expect(dead + delivered).toBeLessThan(1_500);

    await resume(run);
    await brakeReplay(db, run, 'repeated_error: http_422'); // a holder that has not heard of it yet
    expect((await runOf(engine, run)).desired).toBe('running');
    const ended = await runToEnd(engine, run);
    expect(ended.endedAs).toBe('completed_with_failures');
    expect(await countsOf(engine, run)).toEqual({ delivered: 1_500, dead: 500 });
  });

  test('when half of all is given up on, also over several slices', async () => {
    const engine = await newEngine(db, { settings: { concurrency: 1 } });
    await append(engine, turns(600, 30));
    refuseEvery(engine, 2);
    const run = await newReplay(engine, { pace: { eventsPerSecond: 60 } });
    const first = await runSlice(engine, run, { timing: { sliceMs: 1_000 } });
    expect(first).toEqual({ kind: 'more' });
    const { dead: early = 0 } = await countsOf(engine, run);
    expect(early).toBeLessThan(50);

    expect(await runSlice(engine, run)).toEqual({ kind: 'stopped' });
    expect(await standing(engine, run)).toEqual(['paused', 'error_rate']);
    const { dead = 0 } = await countsOf(engine, run);
    expect(dead).toBeLessThan(early + 50 + 10);
  });

  test.each([
    [403, 'destination_refuses: http_403', 120_000],
    [401, 'unauthorized: http_401', 30_000],
  ])(
    'when everything is answered with %i for long enough; nothing is given up on, and resumed it sends at once',
    async (status, reason, limitMs) => {
      const engine = await newEngine(db);
      await append(engine, turns(60, 6));
      engine.sink.answer = () => status;
      const run = await newReplay(engine);
      expect((await runSlice(engine, run)).kind).toBe('held');
      expect(await standing(engine, run)).toEqual(['running', reason]);
      await db.run(
        sql`update lane set held_since = held_since - ${limitMs}::float8 * interval '1 ms' where run_id = ${run}`,
      );

      expect((await runSlice(engine, run)).kind).toBe('stopped');
      expect(await standing(engine, run)).toEqual(['paused', reason]);
      expect(await db.rows(sql`select 1 from dead_letter where run_id = ${run}`)).toEqual([]);

      engine.sink.answer = () => 200;
      await resume(run);
      expect((await runOf(engine, run)).lanes[0]).toMatchObject({ state: 'ready', wakeAt: null });
      await runToEnd(engine, run);
      expect(await countsOf(engine, run)).toEqual({ delivered: 60 });
    },
  );
});

test('who resumes past refusals lets them pass: what is refused is dead, the rest goes on', async () => {
  const engine = await newEngine(db);
  // All of every user stands behind his first event, which is refused.
  const sent = await append(engine, turns(60, 6));
  const first = new Set(sent.slice(0, 6).map(({ messageId }) => messageId));
  engine.sink.answer = ({ messageId }) => (first.has(messageId) ? 422 : 200);
  const run = await newReplay(engine);
  expect((await runSlice(engine, run)).kind).toBe('held');
  await db.run(sql`update lane set held_since = held_since - interval '120 s' where run_id = ${run}`);
  expect((await runSlice(engine, run)).kind).toBe('stopped');
  expect(await standing(engine, run)).toEqual(['paused', 'destination_refuses: http_422']);

  await resume(run);
  const ended = await runToEnd(engine, run);
  expect(ended.endedAs).toBe('completed_with_failures');
  expect(await countsOf(engine, run)).toEqual({ delivered: 54, dead: 6 });
});

test('a stream has no brakes: it is held, for as long as it takes', async () => {
  const engine = await newEngine(db);
  const run = await connect(engine);
  await append(engine, turns(20, 4));
  engine.sink.answer = () => 401;
  expect((await runSlice(engine, run)).kind).toBe('held');
  await db.run(sql`update lane set held_since = held_since - interval '1 hour' where run_id = ${run}`);
  expect((await runSlice(engine, run)).kind).toBe('held');
  expect((await runOf(engine, run)).desired).toBe('running');
});
