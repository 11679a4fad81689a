import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { sql } from '../../src/db/sql.ts';
import { openStreamRun } from '../../src/db/streams.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { newSource, trackEvent } from '../support/events.ts';

const db = await testDatabase();
const api = await testApi(db);

async function connect(sources: readonly string[] | null) {
  const settings = { url: 'https://example.com/events' };
  const made = await api.call('POST', '/api/destinations', { type: 'webhook', name: 'W', settings, sources });
  expect(made.status, made.text).toBe(201);
  return made.body;
}
const selectionOf = async (run: string) =>
  (await db.rows<{ selection: unknown }>(sql`select selection from run where id = ${run}`))[0]?.selection;

test('a source that a destination names twice, be it in capitals, counts once', async () => {
  const [one, two] = [await newSource(db), await newSource(db)];
  const made = await connect([one, two.toUpperCase(), one, two]);
  expect(made.sources).toEqual([one, two]);
  const run = (await openStreamRun(db, made.id))!;
  expect(await selectionOf(run.id)).toEqual({ liveOnly: true, sources: [one, two] });
  const changed = await api.call('PATCH', `/api/destinations/${made.id}`, {
    sources: [two, two.toUpperCase()],
  });
  expect(changed.body.sources).toEqual([two]);
  await api.call('DELETE', `/api/sources/${two}`);
  const answer = await api.call('GET', `/api/destinations/${made.id}`);
  expect(answer.body.warnings).toMatchObject([{ code: 'deleted_sources', sources: [two] }]);
  const unknown = randomUUID();
  const refused = await api.call('PATCH', `/api/destinations/${made.id}`, {
    sources: [one, unknown.toUpperCase()],
  });
  expect(refused.body.errors).toMatchObject([
    { pointer: '/sources/1', detail: expect.stringContaining(unknown) },
  ]);
});

test('a source that a replay names twice, be it in capitals, counts once', async () => {
  const source = await newSource(db);
  await appendEvents(db, [trackEvent(source), trackEvent(source)]);
  const sources = [source.toUpperCase(), source, source];
  const destinationId = (await connect(null)).id.toUpperCase() as string;
  const ask = (more: object) => api.call('POST', '/api/replays', { destinationId, ...more });
  const made = await ask({ filter: { sources }, exclude: { sources: [randomUUID()] } });
  expect(made.body.errors[0].pointer).toBe('/exclude/sources/0');
  const taken = await ask({ filter: { sources } });
  expect(taken.body).toMatchObject({ counts: { selected: 2 }, request: { filter: { sources: [source] } } });
  expect(taken.body.request.destinationId).toBe(taken.body.destinationId);
});
