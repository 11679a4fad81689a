import { expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, trackEvent } from '../support/events.ts';

const db = await testDatabase();
const api = await testApi(db);

async function replay(request: object) {
  const settings = { url: 'https://example.com/events' };
  const made = await api.call('POST', '/api/destinations', { type: 'webhook', name: 'Sink', settings });
  return await api.call('POST', '/api/replays', { destinationId: made.body.id, ...request });
}
const tomorrow = new Date(Date.now() + 86_400_000).toISOString();

test('while the archive is empty, that is said', async () => {
  const { status, body } = await replay({});
  expect([status, body.warnings]).toEqual([
    201,
    [{ code: 'empty_selection', message: expect.stringContaining('archive is empty'), archiveEnd: 0 }],
  ]);
});

test('a replay that selects nothing is told, with where the archive ends', async () => {
  const source = await newSource(db);
  const events = Array.from({ length: 7 }, () => trackEvent(source));
  await appendEvents(db, events);
  const { body } = await replay({ range: { by: 'position', from: 99_999_999 } });
  expect(body).toMatchObject({ counts: { selected: 0 }, warnings: [{ archiveEnd: 7 }] });
  expect(body.warnings[0].message).toBe(
    'Nothing is selected: the range begins at position 99999999, and the archive ends at position 7.',
  );
  const before = await replay({ range: { to: '30d' } });
  expect(before.body.warnings).toMatchObject([{ code: 'empty_selection', archiveEnd: 7 }]);
  const nobody = await replay({ filter: { users: ['nobody'] } });
  expect(nobody.body.warnings[0].message).toContain('no event from position 1 to 7 is what was asked for');
  for (const request of [{}, { range: { by: 'position', from: 7 } }, { range: { from: '1h' } }]) {
    expect((await replay(request)).body.warnings).toEqual([]);
  }
  const later = { range: { by: 'position', from: 8 }, schedule: { startAt: tomorrow } };
  expect((await replay(later)).body).toMatchObject({ status: 'planned', warnings: [] });
});

test('what belongs to the destination’s own stream is not told to lie beyond the archive', async () => {
  const source = await newSource(db);
  const settings = { url: 'https://example.com/events' };
  const made = await api.call('POST', '/api/destinations', { type: 'webhook', name: 'Own', settings });
  await appendEvents(db, [trackEvent(source)]);
  const range = { by: 'position', from: 8 };
  const { body } = await api.call('POST', '/api/replays', { destinationId: made.body.id, range });
  expect(body.warnings).toMatchObject([{ code: 'empty_selection', archiveEnd: 8 }]);
  expect(body.warnings[0].message).toContain('own stream');
});

test.each([['0d'], ['0m'], [tomorrow]])(
  'a range from %s, when nothing can have come yet, is refused',
  async (from) => {
    const refused = await replay({ range: { from } });
    expect(refused.body).toMatchObject({ code: 'invalid_body', errors: [{ pointer: '/range/from' }] });
    const startAt = new Date(Date.parse(tomorrow) + 1_000).toISOString();
    expect(await replay({ range: { from }, schedule: { startAt } })).toMatchObject({ status: 201 });
  },
);
