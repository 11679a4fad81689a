import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { isOutage } from '../../src/db/outage.ts';
import { sql, type Queryable } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';

const db = await testDatabase();

test('the locks of an owner who was stopped within a transaction are free after a while', async () => {
  await db.run(sql`insert into source (id, name) values (gen_random_uuid(), 'shop')`);
  const stopped = openDatabase({ url: db.url, name: 'stopped', idleInTransactionMs: 200 });
  const [locked, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const work = stopped.transaction(async (tx) => {
    await tx.rows(sql`select 1 from source for update`);
    locked.resolve();
    await goOn.promise;
    await tx.run(sql`update source set name = 'too late'`);
  });
  const refused = expect(work).rejects.toThrow();
  await locked.promise;
  expect(await db.run(sql`update source set name = 'taken over'`)).toBe(1);
  goOn.resolve();
  await refused;
  expect(await db.rows(sql`select name from source`)).toEqual([{ name: 'taken over' }]);
  await stopped.close();
});

test('a transaction that was taken back because another one stood in its way counts as an outage: it may be tried again', async () => {
  const names = ['left', 'right'] as const;
  for (const name of names)
    await db.run(sql`insert into source (id, name) values (gen_random_uuid(), ${name})`);
  const lock = (tx: Queryable, name: string) =>
    tx.rows(sql`select 1 from source where name = ${name} for update`);
  const bothFirst = Promise.withResolvers<void>();
  let first = 0;
  const crossing = names.map((name, index) =>
    db.transaction(async (tx) => {
      await lock(tx, name);
      if (++first === names.length) bothFirst.resolve();
      await bothFirst.promise;
      await lock(tx, names[1 - index]!);
    }),
  );
  const refused = (await Promise.allSettled(crossing)).filter((end) => end.status === 'rejected');
  expect(refused).toHaveLength(1);
  expect(refused[0]!.reason).toMatchObject({ code: '40P01' });
  expect(isOutage(refused[0]!.reason)).toBe(true);
});

describe('a query that takes too long', () => {
  test('is broken off at the server, before its caller gives up, and counts as an outage', async () => {
    const hasty = openDatabase({ url: db.url, name: 'hasty', queryTimeoutMs: 500 });
    onTestFinished(() => hasty.close());
    const error = await hasty.rows(sql`select pg_sleep(600)`).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: '57014' });
    expect(isOutage(error)).toBe(true);
    const working = sql`select 1 from pg_stat_activity where application_name = 'hasty' and state = 'active'`;
    await vi.waitFor(async () => expect(await db.rows(working)).toEqual([]), { timeout: 5_000 });
  });

  test('gives its locks back when it waited for one within a transaction', async () => {
    await db.run(
      sql`insert into source (id, name) values (gen_random_uuid(), 'first'), (gen_random_uuid(), 'second')`,
    );
    const hasty = openDatabase({ url: db.url, name: 'waits', queryTimeoutMs: 500 });
    onTestFinished(() => hasty.close());
    await db.transaction(async (tx) => {
      await tx.rows(sql`select 1 from source where name = 'second' for update`);
      const waits = hasty.transaction(async (own) => {
        await own.rows(sql`select 1 from source where name = 'first' for update`);
        await own.rows(sql`select 1 from source where name = 'second' for update`);
      });
      await expect(waits).rejects.toMatchObject({ code: '57014' });
      expect(await tx.rows(sql`select 1 from source where name = 'first' for update nowait`)).toHaveLength(1);
    });
  });
});
