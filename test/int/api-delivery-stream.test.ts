import { expect, onTestFinished, test } from 'vitest';
import { adminToken, testApi } from '../support/api.ts';
import { DeliveryNews } from '../../src/api/schemas/delivery-news.ts';
import type { News } from '../../src/api/live/delivery-feed.ts';
import { testDatabase } from '../support/database.ts';
import { append, connect, newEngine, newReplay, runToEnd, turns } from '../support/engine.ts';
import { comesDue, workUntilWaiting } from '../support/engine-waiting.ts';
import { serverSentEvents, type ServerSent } from '../support/event-stream.ts';

const db = await testDatabase();
const api = await testApi(db);

/** Follows deliveries, once it has begun. */
async function follow(query: string) {
  const headers = { authorization: `Bearer ${adminToken}` };
  const response = await fetch(`${api.url}/api/deliveries/stream${query}`, { headers });
  expect(response.status).toBe(200);
  const events = serverSentEvents(response);
  onTestFinished(async () => void (await events.return(undefined).catch(() => undefined)));
  const next = async (): Promise<ServerSent> => {
    for (let one = await events.next(); one.done !== true; one = await events.next())
      if (one.value.event !== undefined) return one.value;
    throw new Error('it has ended');
  };
  expect((await next()).event).toBe('following');
  /** Gathers what is told until it is enough. */
  return async (isEnough: (news: readonly News[]) => boolean): Promise<News[]> => {
    const news: News[] = [];
    while (!isEnough(news)) {
      const { event, data } = await next();
      expect(event).toBe('deliveries');
      news.push(DeliveryNews.parse(JSON.parse(data!)));
    }
    return news;
  };
}

const sum = (news: readonly News[], bucket: 'delivered' | 'dead' | 'alreadyDelivered') =>
  news.reduce((total, { counts }) => total + (counts[bucket] ?? 0), 0);
const positions = (news: readonly News[]) =>
  news.flatMap(({ delivered }) => delivered.map(({ position }) => position)).toSorted((a, b) => a - b);

test('a stream and a replay of one destination are told apart, each success once', async () => {
  const engine = await newEngine(db);
  const old = await append(engine, turns(20));
  const stream = await connect(engine);
  const all = await follow(`?destinationId=${engine.destinationId}`);
  const replays = await follow(`?destinationId=${engine.destinationId}&kind=replay`);
  const young = await append(engine, turns(10));
  await runToEnd(engine, stream);
  const first = await all((news) => sum(news, 'delivered') >= 10);
  expect(first.every(({ kind, replayId }) => kind === 'stream' && replayId === null)).toBe(true);
  expect(positions(first)).toEqual(young.map(({ position }) => position));
  expect(first[0]!.delivered[0]).toMatchObject({
    messageId: young[0]!.messageId,
    type: 'track',
    name: 'Tested',
  });
  const ids = new Set(engine.sink.arrivals.map(({ id }) => id));
  expect(first.flatMap(({ delivered }) => delivered).every(({ deliveryId }) => ids.has(deliveryId))).toBe(
    true,
  );

  const replay = await newReplay(engine);
  await runToEnd(engine, replay);
  const isDone = (news: readonly News[]) => sum(news, 'delivered') >= 20;
  for (const told of [await all(isDone), await replays(isDone)]) {
    expect(told.every(({ replayId }) => replayId === replay)).toBe(true);
    expect(positions(told)).toEqual(old.map(({ position }) => position));
    expect(sum(told, 'delivered')).toBe(20);
  }
  // What a run had already is counted, and none of it is told as a success.
  await runToEnd(engine, await newReplay(engine));
  const again = await replays((news) => sum(news, 'alreadyDelivered') >= 20);
  expect([sum(again, 'delivered'), positions(again)]).toEqual([0, []]);
});

test('what is set aside, given up on and delivered later is told with its reason', async () => {
  const engine = await newEngine(db);
  const stream = await connect(engine);
  const told = await follow(`?destinationId=${engine.destinationId}`);
  const [slow, bad] = await append(engine, ['slow', 'bad', 'fine']);
  engine.sink.answer = ({ userId }) => (userId === 'slow' ? 500 : userId === 'bad' ? 422 : 200);
  await workUntilWaiting(engine, stream, 1);
  const news = await told(
    (some) => some.some(({ setAside }) => setAside.length > 0) && some.some(({ dead }) => dead.length > 0),
  );
  expect(news.flatMap(({ setAside }) => setAside)).toMatchObject([
    { position: slow!.position, errorClass: 'http_500', messageId: slow!.messageId },
  ]);
  expect(news.flatMap(({ dead }) => dead)).toMatchObject([
    { position: bad!.position, errorClass: 'http_422', attempts: 1 },
  ]);
  expect(news.at(-1)!.waitingNow).toBe(1);
  engine.sink.answer = () => 200;
  await comesDue(engine, stream);
  await runToEnd(engine, stream);
  const later = await told((some) => sum(some, 'delivered') > 0);
  expect(positions(later)).toEqual([slow!.position]);
  expect(later.at(-1)!.waitingNow).toBe(0);
});

test('of many at once a part is told one by one, and how many more there were', async () => {
  const engine = await newEngine(db);
  const stream = await connect(engine);
  const told = await follow(`?destinationId=${engine.destinationId}&kind=stream`);
  await append(engine, turns(400, 100));
  await runToEnd(engine, stream);
  const news = await told((some) => sum(some, 'delivered') >= 400);
  for (const { counts, delivered, omitted } of news)
    expect(delivered.length + omitted.delivered).toBe(counts.delivered ?? 0);
  expect(sum(news, 'delivered')).toBe(400);
  expect(new Set(positions(news)).size).toBe(positions(news).length);
});

test('what happened before is not told', async () => {
  const engine = await newEngine(db);
  const stream = await connect(engine);
  await append(engine, turns(30));
  await runToEnd(engine, stream);
  const told = await follow(`?destinationId=${engine.destinationId}`);
  const [one] = await append(engine, ['u']);
  await runToEnd(engine, stream);
  const news = await told((some) => sum(some, 'delivered') > 0);
  expect([sum(news, 'delivered'), positions(news)]).toEqual([1, [one!.position]]);
});
