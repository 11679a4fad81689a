import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { migrate } from '../../src/db/migrate.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import { append, newEngine, newReplay, runToEnd } from '../support/engine.ts';

const db = await testDatabase();
const textOf = (name: string) => readFile(new URL(`../../migrations/${name}`, import.meta.url), 'utf8');

test('several processes may migrate at once, and again', async () => {
  await Promise.all([migrate(db.url), migrate(db.url), migrate(db.url)]);
  const rows = await db.rows<{ tables: number }>(
    sql`select count(*) as tables from information_schema.tables where table_name in ('event', 'run', 'coverage')`,
  );
  expect(rows[0]?.tables).toBe(3);
});

test('a failure of before keeps what it tells in the structure of now', async () => {
  const upgrade = await textOf('0007_failures.sql');
  const make = upgrade.slice(0, upgrade.indexOf('update dead_letter'));
  const structured = async (failure: unknown) =>
    await db.transaction(async (tx) => {
      await tx.run({ text: make, values: [] });
      const rows = await tx.rows<{ failure: unknown }>(
        sql`select structured_failure(${JSON.stringify(failure)}::jsonb) as failure`,
      );
      await tx.run(sql`drop function structured_failure(jsonb)`);
      return rows[0]?.failure;
    });
  const before = { errorClass: 'http_400', status: 400, request: 'POST https://a.example/b', response: 'no' };
  const request = {
    method: 'POST',
    url: 'https://a.example/b',
    headers: {},
    body: '',
    bodyBytes: 0,
    deliveries: 1,
  };
  const after = { errorClass: 'http_400', status: 400, request, response: { headers: {}, body: 'no' } };
  expect(await structured(before)).toEqual(after);
  expect(await structured(after)).toEqual(after);
  expect(await structured({ errorClass: 'timeout' })).toEqual({ errorClass: 'timeout' });
});

test('an open replay of failures of before goes on with the dead letters that it was over', async () => {
  const engine = await newEngine(db);
  const [event] = await append(engine, ['u1']);
  engine.sink.answer = () => 400;
  await runToEnd(engine, await newReplay(engine));
  const replay = await newReplay(engine, { mode: 'failed' });
  await db.run(sql`update dead_letter set retried_by = null where retried_by = ${replay}`);
  const before = { failedAt: engine.destinationId };
  await db.run(sql`update run set selection = ${JSON.stringify(before)}::jsonb where id = ${replay}`);
  const upgrade = await textOf('0012_dead_letter_look_ups.sql');
  await db.run({ text: upgrade.slice(upgrade.indexOf('update dead_letter')), values: [] });
  engine.sink.answer = () => 200;
  await append(engine, ['u1']);
  await runToEnd(engine, replay);
  expect(engine.sink.arrivals.slice(1)).toMatchObject([{ messageId: event!.messageId }]);
});

test('a replay of before has its dead letters counted, over all its lanes', async () => {
  const engine = await newEngine(db);
  await append(engine, ['u1', 'u2', 'u3', 'u4']);
  engine.sink.answer = ({ userId }) => (userId === 'u1' ? 400 : userId === 'u2' ? 422 : 200);
  const replay = await newReplay(engine, { pace: { lanes: 2 } });
  await runToEnd(engine, replay);
  const counted = async () =>
    await db.rows(sql`
      select kind, sum(died::int) as died from lane, jsonb_each_text(dead_by_class) as counted(kind, died)
      where run_id = ${replay} group by kind order by kind`);
  const before = await counted();
  expect(before).toMatchObject([{ kind: 'http_400' }, { kind: 'http_422' }]);
  await db.run(sql`update lane set dead_by_class = '{}' where run_id = ${replay}`);
  const upgrade = await textOf('0016_dead_by_class.sql');
  await db.run({ text: upgrade.slice(upgrade.indexOf('update lane')), values: [] });
  expect(await counted()).toEqual(before);
});
