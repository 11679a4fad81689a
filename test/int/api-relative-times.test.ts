import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { sql } from '../../src/db/sql.ts';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { shapes } from '../support/documented.ts';
import { eventOfText, newSource } from '../support/events.ts';

const db = await testDatabase();
const api = await testApi(db);
const source = await newSource(db);
const dayMs = 86_400_000;
const ago = (ms: number) => new Date(Date.now() - ms).toISOString();

test('events are taken from and up to times before now', async () => {
  const imported = { live: false, receivedAt: new Date(Date.now() - 40 * dayMs) };
  const text = (name: string, timestamp: string) =>
    `{"type":"track","event":"${name}","userId":"u","messageId":"${name}","timestamp":"${timestamp}"}`;
  await appendEvents(db, [
    eventOfText(source, text('old', ago(40 * dayMs)), imported),
    eventOfText(source, text('late', ago(2 * dayMs))),
    eventOfText(source, text('new', ago(0))),
  ]);
  const namesOf = async (query: string) => {
    const { body } = await api.call('GET', `/api/events?order=oldest&${query}`);
    return body.data.map(({ name }: { name: string }) => name);
  };
  expect(await namesOf('from=30d')).toEqual(['late', 'new']);
  expect(await namesOf('to=4w')).toEqual(['old']);
  expect(await namesOf('by=event&from=6w&to=24h')).toEqual(['old', 'late']);
  expect(await namesOf(`by=event&from=3d&to=${ago(60_000)}`)).toEqual(['late']);
  expect(await namesOf('from=30m')).toEqual(['late', 'new']);
  const refused = await api.call('GET', '/api/events?from=1d&to=2d');
  expect(refused.body.errors).toMatchObject([
    { parameter: 'from', detail: expect.stringContaining('before') },
  ]);
});

test('rejected events and changes are, too', async () => {
  const reject = (code: string, days: number) =>
    db.run(sql`
      insert into rejected_event (source_id, received_at, code, message, raw)
      values (${source}, now() - make_interval(days => ${days}), ${code}, 'm', 'r')`);
  await reject('first', 9);
  await reject('second', 2);
  const codes = async (query: string) =>
    (await api.call('GET', `/api/rejected?${query}`)).body.data.map(({ code }: { code: string }) => code);
  expect(await codes('from=1w')).toEqual(['second']);
  expect(await codes('from=2w&to=72h')).toEqual(['first']);
  const made = await api.call('POST', '/api/sources', { name: 'Shop' });
  const changes = async (query: string) =>
    (await api.call('GET', `/api/audit?resource=/api/sources/${made.body.id}&${query}`)).body.data.length;
  expect([await changes('from=1h'), await changes('to=1h')]).toEqual([1, 0]);
});

test('every address that takes `from` and `to` takes these forms, and names them where it refuses', async () => {
  const settings = { url: 'https://example.com/events' };
  const { id } = (await api.call('POST', '/api/destinations', { type: 'webhook', name: 'W', settings })).body;
  const timed = shapes.filter(({ query }) =>
    Object.hasOwn((query as { shape?: object })?.shape ?? {}, 'from'),
  );
  expect(timed.length).toBeGreaterThanOrEqual(5);
  for (const { path } of timed) {
    const address = path.replaceAll('{id}', id);
    expect((await api.call('GET', `${address}?from=3d&to=${ago(3_600_000)}`)).status, path).toBe(200);
    for (const wrong of ['30', '-3d', '3y', '123456d', '0000-01-01T00:00:00Z', randomUUID()]) {
      const refused = await api.call('GET', `${address}?to=${wrong}`);
      const errors = [{ parameter: 'to', detail: expect.stringMatching(/RFC 3339.*"30d"/) }];
      expect(refused, `${path} ${wrong}`).toMatchObject({ status: 400, body: { errors } });
    }
  }
});
