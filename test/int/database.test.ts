import { expect, test } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { sql } from '../../src/db/sql.ts';
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
