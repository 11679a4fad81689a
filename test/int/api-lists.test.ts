import { expect, test } from 'vitest';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';

const api = await testApi(await testDatabase());
const make = async (path: string, body: object): Promise<string> =>
  (await api.call('POST', path, body)).body.id;
const listed = async (path: string): Promise<string[]> =>
  (await api.call('GET', path)).body.data.map((one: { id: string }) => one.id);

test('sources are listed by whether they are blocked', async () => {
  const free = await make('/api/sources', { name: 'Free' });
  const blocked = await make('/api/sources', { name: 'Blocked' });
  await api.call('PATCH', `/api/sources/${blocked}`, { blocked: true });
  expect(await listed('/api/sources?blocked=true')).toEqual([blocked]);
  expect(await listed('/api/sources?blocked=false')).toEqual([free]);
  expect(await listed('/api/sources')).toEqual([blocked, free]);
});

test('destinations are listed by type, and by whether they are enabled', async () => {
  const webhook = { type: 'webhook', name: 'W', settings: { url: 'https://example.com/events' } };
  const on = await make('/api/destinations', webhook);
  const off = await make('/api/destinations', { ...webhook, enabled: false });
  expect(await listed('/api/destinations?enabled=true')).toEqual([on]);
  expect(await listed('/api/destinations?enabled=false&type=webhook')).toEqual([off]);
  expect(await listed('/api/destinations?type=webhook')).toEqual([off, on]);
  expect(await listed('/api/destinations?type=segment')).toEqual([]);
});
