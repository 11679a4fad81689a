import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { rawText } from '../support/events.ts';
import { testDatabase } from '../support/database.ts';
import { archivedOf, basic, completedOf, newKey, send, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const { url } = await trackingServer({ db });
const success = '{"success":true}';

const single = (type: string) =>
  JSON.stringify({
    userId: 'u',
    event: 'e',
    previousId: 'p',
    groupId: 'g',
    messageId: randomUUID(),
    sentAs: type,
  });

test.each([
  ['/v1/identify', 'identify'],
  ['/v1/track', 'track'],
  ['/v1/page', 'page'],
  ['/v1/screen', 'screen'],
  ['/v1/group', 'group'],
  ['/v1/alias', 'alias'],
  ['/v1/i', 'identify'],
  ['/v1/t', 'track'],
  ['/v1/p', 'page'],
  ['/v1/s', 'screen'],
  ['/v1/g', 'group'],
  ['/v1/a', 'alias'],
  ['/v1/track/', 'track'],
  ['/v1/t/', 'track'],
  ['/v1/page?x=1', 'page'],
  ['/v1/page/?x=1', 'page'],
])('%s takes one %s call', async (path, type) => {
  const { sourceId, writeKey } = await newKey(db);
  const body = single(type);
  const answer = await send(url + path, { headers: { authorization: basic(writeKey) }, body });
  expect(answer).toMatchObject({ status: 200, body: success });
  const [event] = await archivedOf(db, sourceId);
  expect(event).toMatchObject({ type, origin: 'tracking_api', live: true });
  expect(rawText(event!)).toBe(body);
});

test.each(['/v1/batch', '/v1/batch/', '/v1/b', '/v1/b/', '/v1/import', '/v1/import/'])(
  '%s takes a batch',
  async (path) => {
    const { sourceId, writeKey } = await newKey(db);
    const items = ['{ "type":"page","userId":"u" }', '{"type":"track","event":"e","userId":"u"}'];
    const body = ` \n{"batch" : [ ${items.join(' ,\n ')} ] }\n`;
    const answer = await send(url + path, { headers: { authorization: basic(writeKey) }, body });
    expect(answer).toMatchObject({ status: 200, body: success });
    expect((await archivedOf(db, sourceId)).map(rawText)).toEqual(items);
  },
);

test.each([
  '/',
  '/unknown',
  '/v2/batch',
  '/api/track',
  '/v1x/track',
  '/Track',
  '/constructor',
  '/projects//settings',
])('%s is somebody else’s', async (path) => {
  expect(await send(url + path, { body: '{}' })).toMatchObject({ status: 404, body: 'not the tracking API' });
});

test('items take over what their batch says, the sender’s text stays', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const items = [
    '{"type":"page","userId":"u"}',
    '{"type":"page","userId":"u","context":{"ip":"2.2.2.2"},"integrations":{"Webhook":true}}',
  ];
  const sentAt = new Date(Date.now() - 3_600_000).toISOString();
  const body = `{"batch":[${items.join(',')}],"context":{"ip":"1.1.1.1","library":{"name":"x","version":"1"}},"integrations":{"All":false},"sentAt":"${sentAt}","sequence":4}`;
  await send(`${url}/v1/batch`, { headers: { authorization: basic(writeKey) }, body });
  const archived = await archivedOf(db, sourceId);
  expect(archived.map(rawText)).toEqual(items);
  expect(archived.map(completedOf)).toMatchObject([
    { context: { ip: '1.1.1.1', library: { name: 'x' } }, integrations: { All: false } },
    { context: { ip: '2.2.2.2', library: { name: 'x' } }, integrations: { All: false, Webhook: true } },
  ]);
  expect(archived.map((event) => JSON.parse(event.integrations ?? '{}'))).toEqual([
    { All: false },
    { All: false, Webhook: true },
  ]);
  const [row] = await db.rows<{ sent_at: Date }>(
    sql`select sent_at from event where source_id = ${sourceId} limit 1`,
  );
  expect(row?.sent_at.toISOString()).toBe(sentAt);
});
