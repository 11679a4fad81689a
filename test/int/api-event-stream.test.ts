import { once } from 'node:events';
import http from 'node:http';
import { Readable } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { mostConnections } from '../../src/api/live/connections.ts';
import { appendEvents } from '../../src/db/archive/append.ts';
import { adminToken, testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { serverSentEvents, type ServerSent } from '../support/event-stream.ts';
import { newSource, trackEvent } from '../support/events.ts';
import { until } from '../support/until.ts';

const db = await testDatabase({ maxConnections: 30 });
const api = await testApi(db);
const shop = await newSource(db);

interface Follower {
  readonly status: number;
  /** The next event that is none of the heartbeats. */
  next(): Promise<ServerSent | undefined>;
  /** So many of the next positions. */
  positions(count: number): Promise<number[]>;
  leave(): Promise<unknown>;
}

async function follow(
  query = '',
  { token = adminToken, last, url = api.url }: { token?: string; last?: string; url?: string } = {},
): Promise<Follower> {
  const headers = { authorization: `Bearer ${token}`, ...(last !== undefined && { 'last-event-id': last }) };
  const response = await fetch(`${url}/api/events/stream${query}`, { headers });
  const events = serverSentEvents(response);
  const leave = () => events.return(undefined).catch(() => undefined);
  onTestFinished(async () => void (await leave()));
  const next = async () => {
    for (let one = await events.next(); one.done !== true; one = await events.next()) {
      if (one.value.data !== undefined) return one.value;
    }
    return undefined;
  };
  const positions = async (count: number) => {
    const seen: number[] = [];
    while (seen.length < count) {
      const one = await next();
      if (one?.event !== 'event') throw new Error(`no event: ${JSON.stringify(one)}`);
      seen.push(JSON.parse(one.data!).position as number);
    }
    return seen;
  };
  // It follows from here on: the first thing that it hears is where it begins.
  for (let one = await events.next(); one.done !== true && one.value.id === undefined;)
    one = await events.next();
  return { status: response.status, next, positions, leave };
}

/** Appends events. @returns their positions */
async function append(count: number, more: Record<string, unknown> = {}, source = shop): Promise<number[]> {
  const { head } = await appendEvents(
    db,
    Array.from({ length: count }, () => trackEvent(source, more)),
  );
  return Array.from({ length: count }, (_, index) => head - count + 1 + index);
}

test('an event comes as it is committed, as the list has it', async () => {
  const tail = await follow();
  const [position] = await append(1, { event: 'Live' });
  const one = await tail.next();
  expect(one).toMatchObject({ id: String(position), event: 'event' });
  const { body } = await api.call('GET', '/api/events?limit=1');
  expect(JSON.parse(one!.data!)).toEqual(body.data[0]);
});

test('many appends at once: every follower gets each event once and in order', async () => {
  const tails = await Promise.all([follow('?rate=1000'), follow('?rate=1000'), follow('?rate=1000')]);
  const sent = (await Promise.all(Array.from({ length: 40 }, () => append(7))))
    .flat()
    .toSorted((a, b) => a - b);
  for (const tail of tails) expect(await tail.positions(sent.length)).toEqual(sent);
});

test('the filters are those of the list', async () => {
  const app = await newSource(db);
  const queries = [
    `?source=${app}`,
    '?name=Wanted',
    '?user=wanted-1',
    `?type=track&name=Wanted&source=${shop}`,
    '?messageIdPrefix=pre-',
    '?type=page',
  ];
  const tails = await Promise.all(queries.map((query) => follow(query)));
  const [first] = await append(1, { event: 'Other' });
  await append(2, { event: 'Wanted' });
  await append(1, { event: 'Wanted', userId: 'wanted-1' }, app);
  await append(1, { messageId: 'pre-1' });
  const last = await append(1, { event: 'Wanted', userId: 'wanted-1', messageId: 'pre-2' });
  for (const [index, query] of queries.entries()) {
    const list = await api.call('GET', `/api/events${query}&order=oldest&limit=200`);
    const expected = list.body.data
      .map(({ position }: { position: number }) => position)
      .filter((position: number) => position >= first!);
    expect(await tails[index]!.positions(expected.length), query).toEqual(expected);
    if (query !== '?type=page' && !query.includes(app)) expect(expected.at(-1)).toBe(last[0]);
  }
  const refused = await api.call('GET', '/api/events/stream?type=click');
  expect(refused.body.errors[0].parameter).toBe('type');
});

test('who comes back with the last id, to another process too, misses nothing and gets nothing twice', async () => {
  const tail = await follow('?name=Back');
  const before = await append(3, { event: 'Back' });
  expect(await tail.positions(3)).toEqual(before);
  await tail.leave();
  const away = await append(1_200, { event: 'Back' });
  await append(5, { event: 'Noise' });
  const other = await testApi(db);
  const back = await follow('?name=Back', { last: String(before[2]), url: other.url });
  const [after] = await append(1, { event: 'Back' });
  expect(await back.positions(1_201)).toEqual([...away, after]);
  const [sent] = await append(1, { event: 'Back' });
  expect(await back.positions(1)).toEqual([sent]);
  const strange = await api.call('GET', '/api/events/stream', undefined, { 'last-event-id': 'x' });
  expect(strange).toMatchObject({ status: 400 });
});

test('beyond its rate a follower gets a part, and is told of how many he does not', async () => {
  const tail = await follow('?rate=5');
  const sent = await append(300);
  expect(await tail.positions(5)).toEqual(sent.slice(0, 5));
  const skipped = await tail.next();
  expect(skipped).toMatchObject({ event: 'skipped', id: String(sent.at(-1)) });
  expect(JSON.parse(skipped!.data!)).toEqual({
    reason: 'rate',
    events: 295,
    fromPosition: sent[5],
    toPosition: sent.at(-1),
  });
  const [next] = await append(1);
  expect(await tail.positions(1)).toEqual([next]);
});

test('one who does not read keeps a bounded part, others are not held up, and he is told of what he missed', async () => {
  const other = await follow('?rate=1000');
  const long = 'x'.repeat(20_000);
  const request = http.get(`${api.url}/api/events/stream?rate=1000`, {
    headers: { authorization: `Bearer ${adminToken}` },
  });
  onTestFinished(() => void request.destroy());
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  // Only its beginning is read: the buffers of the socket fill, then what waits for it.
  await new Promise((resolve) => void response.once('readable', () => resolve(response.read())));
  const sent: number[] = [];
  // Fewer than the rate, so that a quick machine leaves nothing out because of that.
  for (let turn = 0; turn < 24; turn++) {
    sent.push(...(await append(40, { userId: long })));
    expect(await other.positions(40)).toEqual(sent.slice(-40));
  }
  const events = serverSentEvents(new Response(Readable.toWeb(response)));
  const seen: number[] = [];
  let missed = 0;
  while ((seen.at(-1) ?? 0) < sent.at(-1)!) {
    const { value } = await events.next();
    const said = value as ServerSent;
    if (said.event === 'event') seen.push(JSON.parse(said.data!).position as number);
    if (said.event !== 'skipped') continue;
    const { reason, events: count, fromPosition, toPosition } = JSON.parse(said.data!);
    expect(reason).toBe('slow_reader');
    expect(count).toBe(toPosition - fromPosition + 1);
    missed += count as number;
    if (toPosition === sent.at(-1)) break;
  }
  await events.return(undefined);
  expect(missed).toBeGreaterThan(0);
  expect(seen.length + missed).toBe(sent.length);
  expect(seen).toEqual(sent.filter((position) => seen.includes(position)));
});

test('it ends when the token is revoked, and at a shutdown', async () => {
  const { id, token } = (await api.call('POST', '/api/tokens', { name: 'tail', role: 'viewer' })).body;
  const tail = await follow('', { token });
  expect(tail.status).toBe(200);
  const stays = await follow();
  await api.call('DELETE', `/api/tokens/${id}`);
  expect(await tail.next()).toBeUndefined();
  const [position] = await append(1);
  expect(await stays.positions(1)).toEqual([position]);
  const other = await testApi(db);
  const ends = await follow('', { url: other.url });
  other.stop();
  expect(await ends.next()).toBeUndefined();
});

test('a process takes so many and no more, and takes one again when one has left', async () => {
  const other = await testApi(db);
  const headers = { authorization: `Bearer ${adminToken}` };
  const open = () => {
    const leaves = new AbortController();
    onTestFinished(() => leaves.abort());
    return fetch(`${other.url}/api/events/stream`, { headers, signal: leaves.signal }).then((response) => ({
      status: response.status,
      leave: () => leaves.abort(),
    }));
  };
  const all = await Promise.all(Array.from({ length: mostConnections }, open));
  expect(new Set(all.map(({ status }) => status))).toEqual(new Set([200]));
  const refused = await other.call('GET', '/api/events/stream');
  expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_live_connections' } });
  expect(refused.headers.get('retry-after')).toBe('5');
  all[0]!.leave();
  await until('there is room', open, ({ status }) => status === 200, { everyMs: 50 });
});
