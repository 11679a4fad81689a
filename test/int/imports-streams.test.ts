import { expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { newSource } from '../support/events.ts';
import { until } from '../support/until.ts';
import { upload } from '../support/uploads.ts';

const db = await testDatabase();
const api = await testApi(db);

const settings = { url: 'https://example.com/events' };
const connect = async () =>
  (await api.call('POST', '/api/destinations', { type: 'webhook', name: 'W', settings })).body.id as string;
const file = (count: number) =>
  Array.from(
    { length: count },
    (_, n) => `{"type":"track","userId":"u","event":"Old","messageId":"${n}"}\n`,
  ).join('');

/** No worker runs here: the stream's lane stands where the test puts it. */
const passTo = (destinationId: string, position: number) =>
  db.run(sql`
    update lane set mark = ${position} from run
    where run.id = lane.run_id and run.kind = 'stream' and run.destination_id = ${destinationId}`);
const head = async () => (await api.call('GET', '/api/events?limit=1')).body.data[0].position as number;

test('is answered once streams have passed it, and a replay made then reaches all of it', async () => {
  const destinationId = await connect();
  const source = await newSource(db);
  let isAnswered = false;
  const answer = upload(api.url, `/api/imports?sourceId=${source}`, file(20)).finally(
    () => (isAnswered = true),
  );
  const archived = await until(
    'all is archived',
    async () => (await api.call('GET', `/api/imports?sourceId=${source}`)).body.data[0],
    (one) => one?.status === 'completed',
  );
  expect(archived).toMatchObject({ appended: 20, streamsBehind: [destinationId] });
  expect(isAnswered).toBe(false);
  await passTo(destinationId, await head());
  expect((await answer).body).toMatchObject({ id: archived.id, streamsBehind: [] });
  const replay = (await api.call('POST', '/api/replays', { destinationId })).body;
  expect(replay.range.toPosition).toBe(await head());
});

test('is answered after ten seconds in any case, and says which streams have not passed it', async () => {
  const [behind, ahead] = [await connect(), await connect()];
  const source = await newSource(db);
  await passTo(ahead, 1_000_000);
  const { body } = await upload(api.url, `/api/imports?sourceId=${source}`, file(5));
  expect(body).toMatchObject({ status: 'completed', appended: 5 });
  expect(body.streamsBehind).toContain(behind);
  expect(body.streamsBehind).not.toContain(ahead);
  // What was there before needs nobody to pass anything.
  const again = await upload(api.url, `/api/imports?sourceId=${source}`, file(5));
  expect(again.body).toMatchObject({ duplicates: 5, streamsBehind: [] });
});
