import { expect, test } from 'vitest';
import type { Counts } from '../../src/core/counts.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import { append, countsOf, newEngine, newReplay, runSlice, runToEnd, turns } from '../support/engine.ts';
import { until } from '../support/until.ts';

const db = await testDatabase();

test.each([
  [400, { delivered: 118, dead: 2 }],
  [500, { delivered: 118, waiting: 2 }],
])(
  'a batch answered with %i because of one event is split, and the others arrive',
  async (status, counts) => {
    const engine = await newEngine(db, { settings: { batchSize: 50, concurrency: 2 } });
    const sent = await append(engine, turns(120, 120));
    const bad = new Set([sent[30]!.messageId, sent[77]!.messageId]);
    engine.sink.answer = (_, all) => (all.some(({ messageId }) => bad.has(messageId)) ? status : 200);
    const run = await newReplay(engine);

    if (status === 400) await runToEnd(engine, run);
    else expect(await runSlice(engine, run)).toMatchObject({ kind: 'waiting' });

    expect(await countsOf(engine, run)).toEqual(counts);
    const taken = engine.sink.taken();
    expect([...taken.values()].every((times) => times === 1)).toBe(true);
    expect([taken.size, ...[...bad].map((id) => taken.get(id))]).toEqual([118, undefined, undefined]);
  },
  60_000,
);

test('what stands behind a delivery that waits makes it due when it is too much', async () => {
  const engine = await newEngine(db);
  const [first, next] = await append(engine, ['a', 'a']);
  engine.sink.answer = ({ messageId }) => (messageId === first!.messageId ? 500 : 200);
  const run = await newReplay(engine);
  await laneBefore(run, first!.position, {
    events: { waiting: 10_000 },
    byAction: { [engine.actions[0]!]: { waiting: 10_000 } },
    reasons: {},
  });
  // The first waits for an hour yet, and ten thousand stand behind it.
  await db.run(sql`
    insert into waiting_delivery
      (run_id, lane, position, action_id, order_key, attempts, rounds, first_failed_at, due_at)
    select ${run}, 0, ${first!.position} + n * 1000000::bigint, ${engine.actions[0]}, 'u:a', case n when 0 then 5 else 0 end,
      1, case n when 0 then now() end, case n when 0 then now() + interval '1 hour' end
    from generate_series(0, 9999) n`);

  const dead = await until(
    'it is given up on',
    async () => {
      await runSlice(engine, run);
      const of = sql`select position, attempts from dead_letter where run_id = ${run}`;
      return await db.rows<{ position: number; attempts: number }>(of);
    },
    (rows) => rows.length > 0,
  );
  expect(dead).toEqual([{ position: first!.position, attempts: 10 }]);
  expect(engine.sink.of([first!.messageId])).toHaveLength(5);
  expect(engine.sink.taken().get(next!.messageId)).toBe(1);
}, 60_000);

async function laneBefore(run: string, mark: number, counts: Counts): Promise<void> {
  await db.run(
    sql`update lane set mark = ${mark}, counts = ${JSON.stringify(counts)}::jsonb where run_id = ${run}`,
  );
}
