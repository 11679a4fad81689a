import { expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { adminToken, testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { serverSentEvents, type ServerSent } from '../support/event-stream.ts';

const db = await testDatabase();
const api = await testApi(db);

async function newReplay(): Promise<string> {
  const settings = { url: 'https://example.com/events' };
  const destination = await api.call('POST', '/api/destinations', { type: 'webhook', name: 'W', settings });
  return (await api.call('POST', '/api/replays', { destinationId: destination.body.id })).body.id as string;
}

async function watch(id: string, headers: Record<string, string> = {}) {
  const all = { authorization: `Bearer ${adminToken}`, ...headers };
  const response = await fetch(`${api.url}/api/replays/${id}/progress`, { headers: all });
  const events = serverSentEvents(response);
  const next = async (): Promise<ServerSent | undefined> => {
    for (let one = await events.next(); one.done !== true; one = await events.next()) {
      if (one.value.event !== undefined) return one.value;
    }
    return undefined;
  };
  return { response, next, leave: () => events.return(undefined) };
}

const advance = (id: string, delivered: number) =>
  db.run(
    sql`update lane set counts = ${JSON.stringify({ events: { delivered } })}::jsonb where run_id = ${id}`,
  );

test('the state comes at once, each change once, and the end last', async () => {
  const id = await newReplay();
  const watched = await watch(id);
  expect(watched.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  const first = await watched.next();
  expect(first?.event).toBe('progress');
  expect(JSON.parse(first?.data ?? '')).toMatchObject({ id, status: 'running', counts: { delivered: 0 } });
  await advance(id, 3);
  const second = await watched.next();
  expect(JSON.parse(second?.data ?? '').counts.delivered).toBe(3);
  expect(second?.id).not.toBe(first?.id);
  await api.call('POST', `/api/replays/${id}/cancel`);
  const last = await watched.next();
  expect(last?.event).toBe('end');
  expect(JSON.parse(last?.data ?? '')).toMatchObject({ status: 'cancelled' });
  expect(await watched.next()).toBeUndefined();

  const back = await watch(id, { 'last-event-id': second?.id ?? '' });
  expect((await back.next())?.id).toBe(last?.id);
  const over = await watch(id, { 'last-event-id': last?.id ?? '' });
  expect(over.response.status).toBe(204);
});

test('one who comes back with the state that still holds hears of the next one only', async () => {
  const id = await newReplay();
  const first = await watch(id);
  const known = (await first.next())?.id ?? '';
  await first.leave();
  const back = await watch(id, { 'last-event-id': known });
  const next = back.next();
  await advance(id, 7);
  expect(JSON.parse((await next)?.data ?? '').counts.delivered).toBe(7);
  await back.leave();
});

test('a watcher who leaves costs no more reads, and a shutdown ends those who stay', async () => {
  const id = await newReplay();
  const other = await testApi(db);
  const response = await fetch(`${other.url}/api/replays/${id}/progress`, {
    headers: { authorization: `Bearer ${adminToken}` },
  });
  const events = serverSentEvents(response);
  await events.next();
  other.stop();
  const rest: ServerSent[] = [];
  for await (const event of events) rest.push(event);
  expect(rest.filter((event) => event.event === 'end')).toEqual([]);
});

test('HEAD tells that it is there without staying', async () => {
  const id = await newReplay();
  const headers = { authorization: `Bearer ${adminToken}` };
  const response = await fetch(`${api.url}/api/replays/${id}/progress`, { method: 'HEAD', headers });
  expect(response.status).toBe(200);
});
