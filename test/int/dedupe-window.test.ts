import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../src/config.ts';
import { sql } from '../../src/db/sql.ts';
import { startApi } from '../support/api-process.ts';
import { testDatabase } from '../support/database.ts';
import { newSource } from '../support/events.ts';
import { archivedOf, basic, newKey, send } from '../support/tracking.ts';
import { upload } from '../support/uploads.ts';

const db = await testDatabase();
const event = '{"type":"track","event":"e","userId":"u","messageId":"m"}';

/** Lets so much time pass for all messageIds that are known. */
const age = (days: number) =>
  db.run(sql`update event_identity set received_at = received_at - make_interval(days => ${days}::int)`);

test('for how long a messageId is known is told by the environment, at the live door and to imports', async () => {
  const api = await startApi(db.url, { REPRISE_DEDUPE_DAYS: '400' });
  const { sourceId, writeKey } = await newKey(db);
  const imported = await newSource(db);
  const sendAll = async () => {
    await send(`${api.url}/v1/track`, { headers: { authorization: basic(writeKey) }, body: event });
    await upload(api.url, `/api/imports?sourceId=${imported}`, event);
  };
  const stored = async () => [
    (await archivedOf(db, sourceId)).length,
    (await archivedOf(db, imported)).length,
  ];
  await sendAll();
  await age(399);
  await sendAll();
  expect(await stored()).toEqual([1, 1]);
  await age(2);
  await sendAll();
  expect(await stored()).toEqual([2, 2]);
});

test('what is no number of days is refused at the start', () => {
  for (const days of ['0', '1.5', 'forever', '36501'])
    expect(() => readConfig({ REPRISE_DEDUPE_DAYS: days })).toThrow(ConfigError);
  expect(readConfig({}).REPRISE_DEDUPE_DAYS).toBe(90);
});
