import { createGunzip } from 'node:zlib';
import { get } from 'node:http';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { adminToken, testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { append, newEngine, newReplay, runToEnd, turns } from '../support/engine.ts';
import { appendEvents } from '../../src/db/archive/append.ts';
import { eventOfText } from '../support/events.ts';

const db = await testDatabase();
const api = await testApi(db);

const exported = async (query: string) => {
  const authorization = `Bearer ${adminToken}`;
  const answer = await fetch(`${api.url}/api/people/export?${query}`, { headers: { authorization } });
  const lines = (await answer.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { headers: answer.headers, events: lines.slice(0, -1), end: lines.at(-1)! };
};

test('every event of a person and no other, byte for byte, with who has it; gzipped if asked', async () => {
  const engine = await newEngine(db);
  const raw =
    '{ "type":"track",\n "event":"Big", "userId":"ann", "n": 9007199254740993, "s": "\\u0000\\u00e9" }';
  await appendEvents(db, [eventOfText(engine.source, raw)]);
  await append(
    engine,
    turns(1_500, 3).map((user) => user.replace('u1', 'ann')),
  );
  await runToEnd(engine, await newReplay(engine));
  await append(engine, ['ann']);

  const { headers, events, end } = await exported('userId=ann');
  expect(headers.get('content-type')).toContain('ndjson');
  expect(end).toEqual({ complete: true, events: 502, throughPosition: 1_502 });
  expect(events).toHaveLength(502);
  expect(events[0]).toMatchObject({ position: 1, raw, destinations: [engine.destinationId] });
  expect(events.at(-1)).toMatchObject({ position: 1_502, destinations: [] });
  expect(new Set(events.map(({ userId }) => userId))).toEqual(new Set(['ann']));
  expect((await exported('anonymousId=ann')).end).toMatchObject({ events: 0, complete: true });

  const request = get(`${api.url}/api/people/export?userId=ann`, {
    headers: { authorization: `Bearer ${adminToken}`, 'accept-encoding': 'gzip' },
  });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  expect(response.headers['content-encoding']).toBe('gzip');
  const unpacked = await text(response.pipe(createGunzip()));
  expect(unpacked.trimEnd().split('\n')).toHaveLength(503);
});

test('says whom', async () => {
  expect((await api.call('GET', '/api/people/export')).body).toMatchObject({ code: 'invalid_query' });
  expect((await api.call('GET', '/api/people/export?userId=a&anonymousId=b')).status).toBe(400);
});
