import { expect, test } from 'vitest';
import { sumCounts } from '../../src/core/counts.ts';
import { countChanges, thinLaneHistory, type Interval } from '../../src/db/lane-history.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  countsOf,
  newEngine,
  newReplay,
  runOf,
  runSlice,
  runToEnd,
  turns,
  type Engine,
} from '../support/engine.ts';
import { newVictim } from '../support/engine-faults.ts';
import { nonZero } from '../../src/api/schemas/counted.ts';

const db = await testDatabase({ maxConnections: 40 });

const changesOf = async (run: string, interval: Interval, from: Date | null = null, to: Date | null = null) =>
  await countChanges(db, sql`r.id = ${run}`, { from, to, interval });

async function expectToAddUp(engine: Engine, run: string): Promise<void> {
  const { lanes } = await runOf(engine, run);
  const counted = sumCounts(lanes.map((lane) => lane.counts));
  for (const interval of ['minute', 'hour', 'day'] as const) {
    const told = sumCounts((await changesOf(run, interval)).map(({ change }) => change));
    expect(nonZero(told.events)).toEqual(nonZero(counted.events));
    expect(nonZero(told.reasons)).toEqual(nonZero(counted.reasons));
    for (const action of engine.actions)
      expect(nonZero(told.byAction[action] ?? {})).toEqual(nonZero(counted.byAction[action] ?? {}));
  }
}

/** As if so much time had gone by since everything that has happened so far. */
async function age(run: string, by: string): Promise<void> {
  const count = await db.rows<{ minute: Date }>(sql`
    select minute from lane_history where run_id = ${run} order by minute`);
  // Oldest first, so that no row lands on one that has not moved yet.
  for (const { minute } of count)
    await db.run(sql`
      update lane_history set minute = minute - ${by}::interval where run_id = ${run} and minute = ${minute}`);
}

test('over any interval the changes add up to the counts, however often a worker is killed', async () => {
  const engine = await newEngine(db, { actions: 2 });
  await append(engine, turns(400, 40));
  engine.sink.answer = ({ userId, attempt }) => {
    if (userId === 'u7') return { status: 400, afterMs: 5 };
    if (userId === 'u8' && attempt < 3) return { status: 500, afterMs: 5 };
    return { status: 200, afterMs: 5 };
  };
  const run = await newReplay(engine, { pace: { lanes: 1 } });
  for (const until of [60, 200, 380]) {
    const victim = await newVictim(engine, () => undefined);
    const working = runSlice(engine, run, { ...victim, takesOver: until > 60 });
    const ended = expect(working).rejects.toThrow('killed');
    await engine.sink.arrived(until);
    victim.kill();
    await ended;
    await expectToAddUp(engine, run);
    await age(run, '31 minutes');
  }
  await runToEnd(engine, run, { takesOver: true });
  await expectToAddUp(engine, run);
  expect(await countsOf(engine, run)).toEqual({ delivered: 390, dead: 10 });
  expect((await changesOf(run, 'minute')).length).toBeGreaterThan(1);
});

test('a period has what changed in it, and what is older than a week is kept by the hour', async () => {
  const engine = await newEngine(db);
  await append(engine, turns(20));
  const run = await newReplay(engine);
  await runToEnd(engine, run);
  await db.run(sql`delete from lane_history where run_id = ${run}`);
  for (const [minute, delivered] of [
    ['2026-01-01T10:05:00Z', 3],
    ['2026-01-01T10:59:00Z', 5],
    ['2026-01-01T11:00:00Z', 9],
    ['2026-01-02T00:00:00Z', 20],
  ] as const)
    await db.run(sql`
      insert into lane_history values (${run}, 0, ${minute}, ${JSON.stringify({ events: { delivered } })}::jsonb, '{}')`);
  const told = async (interval: Interval, from?: string, to?: string) => {
    const period = [from, to].map((time) => (time === undefined ? null : new Date(time)));
    const changes = await changesOf(run, interval, ...period);
    return changes.map(({ at, change }) => [at.toISOString().slice(0, 16), change.events.delivered]);
  };
  const byHour = [
    ['2026-01-01T10:00', 5],
    ['2026-01-01T11:00', 4],
    ['2026-01-02T00:00', 11],
  ];
  expect(await told('hour')).toEqual(byHour);
  expect(await told('day', '2026-01-01T10:30:00Z')).toEqual([
    ['2026-01-01T00:00', 6],
    ['2026-01-02T00:00', 11],
  ]);
  expect(await told('minute', '2026-01-01T10:30:00Z', '2026-01-01T11:00:00Z')).toEqual([
    ['2026-01-01T10:59', 2],
  ]);
  expect(await thinLaneHistory(db)).toBe(1);
  expect(await told('hour')).toEqual(byHour);
  expect(await thinLaneHistory(db)).toBe(0);
});

test('a clock that is set back makes no row before the last one', async () => {
  const engine = await newEngine(db);
  await append(engine, turns(10));
  const run = await newReplay(engine);
  await db.run(sql`
    insert into lane_history values (${run}, 0, date_trunc('minute', now()) + interval '1 hour', '{}', '{}')`);
  await runToEnd(engine, run);
  await expectToAddUp(engine, run);
  expect((await changesOf(run, 'minute')).map(({ change }) => change.events)).toEqual([{ delivered: 10 }]);
});
