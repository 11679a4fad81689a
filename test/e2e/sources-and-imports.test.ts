import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { flawless, judge } from '../support/checker.ts';
import { openScene, type Source } from '../support/scene.ts';
import type { Sink } from '../support/sink.ts';
import { until } from '../support/until.ts';

const scene = await openScene();
const web = await scene.newSource('Web site');
const shop = scene.client();
const site = scene.client(web);

test('a destination that names sources gets only theirs, live and by replay', async () => {
  await shop.send(100);
  await site.send(100);
  const [all, some] = [await scene.newSink(), await scene.newSink()];
  const everything = await scene.connect(all);
  const onlyWeb = await scene.connect(some, { sources: [web.id] });

  await site.send(50);
  await shop.send(50);
  await arrived(all, 100);
  await arrived(some, 50);
  const replays = [await scene.replay(everything), await scene.replay(onlyWeb)];
  const [ofAll, ofSome] = await Promise.all(replays.map(({ id }) => scene.ended(id)));
  // What the streams have sent meanwhile may lie in the range, and is not sent again.
  expect(ofAll).toMatchObject({ status: 'completed', counts: { delivered: 200 } });
  expect(ofSome).toMatchObject({ status: 'completed', counts: { delivered: 100 } });

  const [ofShop, ofSite] = [shop.acknowledged(), site.acknowledged()];
  const past = [...ofShop.slice(0, 100), ...ofSite.slice(0, 100)];
  const live = [...ofSite.slice(100), ...ofShop.slice(100)];
  expect(judge([past, live], all.lines())).toEqual(flawless);
  expect(judge([ofSite.slice(0, 100), ofSite.slice(100)], some.lines())).toEqual(flawless);
});

test('a destination takes other sources while its stream is at work: from then on it gets theirs, nothing twice', async () => {
  const sink = await scene.newSink();
  const destinationId = await scene.connect(sink, { sources: [web.id] });
  const [ofShop, ofSite] = [shop.acknowledged().length, site.acknowledged().length];
  const take = async (sources: string[] | null) => {
    const changed = await scene.product.call('PATCH', `/api/destinations/${destinationId}`, { sources });
    expect(changed).toMatchObject({ status: 200, body: { sources, stream: { status: 'running' } } });
  };
  await shop.send(20);
  await site.send(20);
  await arrived(sink, 20);
  await take(null);
  await shop.send(20);
  await arrived(sink, 40);
  await take([web.id]);
  await shop.send(20);
  await site.send(20);
  await arrived(sink, 60);
  const meant = [
    site.acknowledged().slice(ofSite, ofSite + 20),
    shop.acknowledged().slice(ofShop + 20, ofShop + 40),
    site.acknowledged().slice(ofSite + 20),
  ];
  expect(judge(meant, sink.lines())).toEqual(flawless);
});

test('imported history is archived and not sent live; a replay sends it', async () => {
  const sink = await scene.newSink();
  const destinationId = await scene.connect(sink);
  const imported = Array.from({ length: 300 }, (_, index) => ({
    type: 'track',
    event: 'Old Order',
    userId: `user-${index % 20}`,
    messageId: `imported-${index}`,
    timestamp: new Date(Date.UTC(2019, 3, 1) + index * 60_000).toISOString(),
  }));
  const [source] = (await scene.product.call('GET', '/api/sources')).body.data as Source[];
  const file = gzipSync(imported.map((event) => JSON.stringify(event)).join('\n'));
  const made = await scene.product.call('POST', `/api/imports?sourceId=${source?.id}`, file);
  expect(made).toMatchObject({
    status: 201,
    body: { status: 'completed', appended: imported.length, rejected: 0, streamsBehind: [] },
  });

  // Its answer says that a replay reaches it.
  const replay = await scene.replay(destinationId, { filter: { names: ['Old Order'] } });
  const ended = await scene.ended(replay.id);
  expect(ended).toMatchObject({ status: 'completed', counts: { selected: 300, delivered: 300 } });

  const before = shop.acknowledged().length;
  await shop.send(20);
  await arrived(sink, 320);
  const old = sink.lines().slice(0, 300);
  expect(judge([shop.acknowledged().slice(before)], sink.lines().slice(300))).toEqual(flawless);
  expect(old).toHaveLength(imported.length);
  expect(new Set(old.map(({ messageId }) => messageId))).toEqual(
    new Set(imported.map(({ messageId }) => messageId)),
  );
  const times = old.map(({ body }) => JSON.parse(body) as { timestamp: string; messageId: string });
  for (const { timestamp, messageId } of times) {
    expect(timestamp).toBe(imported.find((event) => event.messageId === messageId)?.timestamp);
  }
});

async function arrived(sink: Sink, count: number): Promise<void> {
  await until(
    `${count} have arrived`,
    () => sink.state(),
    ({ answered }) => answered >= count,
  );
}
