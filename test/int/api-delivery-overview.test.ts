import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { append, connect, newEngine, newReplay, runSlice, runToEnd, turns } from '../support/engine.ts';

const db = await testDatabase();
const api = await testApi(db);

const stepsOf = (part: { steps: { step: string; count: number }[] }): Record<string, number> =>
  Object.fromEntries(part.steps.filter(({ count }) => count !== 0).map(({ step, count }) => [step, count]));

test('what became of the events of a destination is told for its stream and its replays apart', async () => {
  const engine = await newEngine(db);
  const [action] = engine.actions as [string];
  await append(engine, turns(20, 20));
  engine.sink.answer = ({ userId }) => (userId === 'u3' ? 422 : 200);
  const overview = async (query = '') =>
    (await api.call('GET', `/api/destinations/${engine.destinationId}/overview?${query}`)).body;
  await api.call('POST', '/api/suppressions', { userId: 'u5' });

  await runToEnd(engine, await newReplay(engine));
  const stream = await connect(engine);
  await append(engine, turns(8, 8));
  await runSlice(engine, stream);

  const told = await overview('interval=minute');
  expect(stepsOf(told.replays)).toEqual({ decided: 20, suppressed: 1, dead: 1, delivered: 18 });
  expect(stepsOf(told.stream)).toEqual({ decided: 8, suppressed: 1, dead: 1, delivered: 6 });
  expect(told.stream.byAction).toEqual({ [action]: { suppressed: 1, dead: 1, delivered: 6 } });
  expect(told.stream.failures).toMatchObject([
    { errorClass: 'http_422', count: 1, sample: { replayId: null, failure: { status: 422 } } },
  ]);
  expect(told.stream.failures[0].sample.failure.request.body).toContain('"u3"');
  expect(told.stream.samples.delivered).toHaveLength(5);
  const series = told.stream.series.map(({ counts }: { counts: Record<string, number> }) => counts);
  const sum = series.reduce(
    (total: number, counts: { delivered?: number }) => total + (counts.delivered ?? 0),
    0,
  );
  expect(sum).toBe(6);

  const hour = 3_600_000;
  await db.run(sql`
    update lane_history set minute = minute - interval '3 hours' where run_id = ${stream}`);
  await db.run(sql`
    update dead_letter set died_at = died_at - interval '3 hours' where run_id = ${stream}`);
  const lately = await overview(`from=${new Date(Date.now() - hour).toISOString()}`);
  expect(stepsOf(lately.stream)).toEqual({});
  expect(lately.stream.failures).toEqual([]);
  expect(stepsOf(lately.replays)).toMatchObject({ decided: 20 });
  const before = await overview(`to=${new Date(Date.now() - hour).toISOString()}`);
  expect(stepsOf(before.stream)).toMatchObject({ decided: 8, dead: 1 });
  expect(stepsOf(before.replays)).toEqual({});
});

test('a period that is none, or that has too many intervals, is refused with what helps', async () => {
  const { destinationId } = await newEngine(db);
  const ask = async (query: string) =>
    await api.call('GET', `/api/destinations/${destinationId}/overview?${query}`);
  expect((await ask('from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z')).body).toMatchObject({
    code: 'invalid_query',
    errors: [{ parameter: 'from' }],
  });
  expect((await ask('from=2026-01-01T00:00:00Z&to=2026-01-03T00:00:00Z&interval=minute')).body).toMatchObject(
    {
      code: 'invalid_query',
      errors: [{ parameter: 'interval' }],
    },
  );
  expect((await ask('interval=week')).status).toBe(400);
  expect((await api.call('GET', `/api/destinations/${randomUUID()}/overview`)).status).toBe(404);
});
