import { expect, test } from 'vitest';
import { freePort } from '../../src/dev/ports.ts';
import { startApi } from '../support/api-process.ts';
import { testDatabase } from '../support/database.ts';
import { testFolder } from '../support/folder.ts';
import { compare, noDifference, startSending } from '../support/sending-clients.ts';
import { archivedOf, newKey } from '../support/tracking.ts';

const db = await testDatabase();
const folder = testFolder();

test('SIGTERM while clients send: it ends with 0, the next one goes on, and each event is stored once', async () => {
  const settings = { PORT: String(await freePort()) };
  let api = await startApi(db.url, settings);
  const { sourceId, writeKey } = await newKey(db);
  const clients = startSending({ apiUrl: api.url, writeKey, folder, name: 'stopped' });
  for (let stop = 0; stop < 2; stop++) {
    await clients.hear(60, 200);
    api.process.kill('SIGTERM');
    expect(await api.exited).toBe(0);
    api = await startApi(db.url, settings);
  }
  await clients.hear(60, 200);
  const acknowledged = await clients.stop();
  expect(compare(acknowledged, await archivedOf(db, sourceId))).toEqual(noDifference);
  expect(clients.unbearable).toEqual([]);
});
