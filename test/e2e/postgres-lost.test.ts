import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openDatabase, type Database } from '../../src/db/database.ts';
import { startApi, type ApiProcess } from '../support/api-process.ts';
import { testFolder } from '../support/folder.ts';
import { openPostgres } from '../support/own-postgres.ts';
import { compare, noDifference, startSending, type SendingClients } from '../support/sending-clients.ts';
import { canMount, databaseOn, openSmallDisk } from '../support/small-disk.ts';
import { archivedOf, newKey } from '../support/tracking.ts';

const folder = testFolder();
chmodSync(folder, 0o755); // as root, Postgres runs as a user of its own
const postgres = await openPostgres(join(folder, 'postgres'));
afterAll(() => postgres.stop());

interface Scene {
  readonly api: ApiProcess;
  readonly clients: SendingClients;
}

/** Runs `work` while clients send, and expects that what they were told is what is stored. */
async function whileClientsSend(databaseUrl: string, name: string, work: (scene: Scene) => Promise<void>) {
  const api = await startApi(databaseUrl);
  const db: Database = openDatabase({ url: databaseUrl, name: 'test' });
  try {
    const { sourceId, writeKey } = await newKey(db);
    const clients = startSending({ apiUrl: api.url, writeKey, folder, name });
    await clients.hear(100, 200);
    await work({ api, clients });
    const acknowledged = await clients.stop();
    expect(compare(acknowledged, await archivedOf(db, sourceId))).toEqual(noDifference);
    expect(clients.unbearable).toEqual([]);
    api.process.kill('SIGTERM');
    expect(await api.exited).toBe(0);
  } finally {
    await db.close();
  }
}

test('Postgres is killed twice: clients hear 503 until it is back, and each event is stored once', async () => {
  await whileClientsSend(postgres.url(), 'killed', async ({ api, clients }) => {
    for (let kill = 0; kill < 2; kill++) {
      await postgres.kill();
      await clients.hear(50, 503);
      expect((await api.call('GET', '/readyz')).status).toBe(503);
      expect((await api.call('GET', '/api/sources')).status).toBe(503);
      await postgres.start();
      await clients.hear(100, 200);
      expect((await api.call('GET', '/api/sources')).status).toBe(200);
    }
  });
});

test.skipIf(!canMount())(
  'the disk of Postgres is full: clients hear 503 until there is room, and each event is stored once',
  async () => {
    const disk = await openSmallDisk(join(folder, 'small'), postgres.cluster, 128);
    const small = await databaseOn(postgres, disk);
    await whileClientsSend(small.url, 'full', async ({ api, clients }) => {
      await disk.fill();
      await clients.hear(50, 503);
      expect(api.output()).toMatch(
        /"code":"53100"[^\n]*No space left on device|No space left on device[^\n]*"code":"53100"/,
      );
      expect((await api.call('GET', '/readyz')).body.postgres).toBe('ok');
      expect((await api.call('GET', '/api/events')).status).toBe(200);
      await disk.clear();
      await clients.hear(100, 200);
    });
    await small.drop();
    await disk.close();
  },
);
