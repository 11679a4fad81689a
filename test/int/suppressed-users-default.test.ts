import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../src/config.ts';
import { startApi } from '../support/api-process.ts';
import { testDatabase } from '../support/database.ts';
import { archivedOf, basic, rejectedOf, send } from '../support/tracking.ts';

const db = await testDatabase();

test('what becomes of events of suppressed users is told to new sources by the environment', async () => {
  const usual = await startApi(db.url);
  const refusing = await startApi(db.url, { REPRISE_SUPPRESSED_USERS: 'refuse' });
  await usual.call('POST', '/api/suppressions', { userId: 'gone' });
  for (const [api, suppressedUsers] of [
    [usual, 'archive'],
    [refusing, 'refuse'],
  ] as const) {
    const { body } = await api.call('POST', '/api/sources', { name: suppressedUsers });
    expect(body.suppressedUsers).toBe(suppressedUsers);
    const headers = { authorization: basic(String(body.writeKey)) };
    await send(`${api.url}/v1/track`, { headers, body: '{"event":"e","userId":"gone"}' });
    const id = String(body.id);
    expect(await archivedOf(db, id)).toHaveLength(suppressedUsers === 'archive' ? 1 : 0);
    expect(await rejectedOf(db, id)).toHaveLength(suppressedUsers === 'archive' ? 0 : 1);
  }
  const { body: before } = await refusing.call('GET', '/api/sources');
  expect(before.data.map((source: { suppressedUsers: string }) => source.suppressedUsers)).toEqual([
    'refuse',
    'archive',
  ]);
});

test('another word is refused at the start', () => {
  expect(() => readConfig({ REPRISE_SUPPRESSED_USERS: 'forget' })).toThrow(ConfigError);
  expect(readConfig({ REPRISE_SUPPRESSED_USERS: '' }).REPRISE_SUPPRESSED_USERS).toBe('archive');
});
