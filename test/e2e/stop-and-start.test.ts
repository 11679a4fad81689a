import { expect, test } from 'vitest';
import { flawless, judge } from '../support/checker.ts';
import { openScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

const events = 4_000;

const scene = await openScene();
const acknowledged = await scene.archive(events);

test('Ctrl-C in mid replay and a start in the same folder: it goes on, and nothing comes twice', async () => {
  const sink = await scene.newSink();
  await sink.become({ delayMs: 20 });
  const destinationId = await scene.connect(sink);
  const replay = await scene.replay(destinationId);
  await until(
    'a third has arrived',
    () => sink.state(),
    ({ answered }) => answered > events / 3,
    { everyMs: 10 },
  );

  expect(await scene.product.stop()).toBe(0);
  const { received, answered } = await sink.state();
  expect(received).toBe(answered);
  expect(answered).toBeLessThan(events * 0.9);
  await scene.restart();

  const ended = await scene.ended(replay.id);
  expect(ended).toMatchObject({ status: 'completed', counts: { delivered: events, remaining: 0 } });
  // Its end frees the destination at once.
  const again = await scene.ended((await scene.replay(destinationId)).id);
  expect(again.counts).toMatchObject({ selected: events, alreadyDelivered: events });
  expect(judge([acknowledged], sink.lines())).toEqual(flawless);
});
