import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openPage } from '../support/browser.ts';
import { flawless, isTaken, judge } from '../support/checker.ts';
import type { SourceLine } from '../support/ledger.ts';
import type { Replay } from '../support/product.ts';
import { openScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

const past = 10_000;
const live = 1_000;

const scene = await openScene();
const sink = await scene.newSink();
let destinationId: string;
let replay: Replay;
let acknowledged: SourceLine[];

test('what happened before a destination was there reaches it exactly once, while live events go on', async () => {
  const client = scene.client();
  await client.send(past);
  expect(client.acknowledged()).toHaveLength(past);
  await sink.become({ delayMs: 2 });
  destinationId = await scene.connect(sink);

  replay = await scene.replay(destinationId);
  expect(replay.counts).toMatchObject({ selected: past, selectedExact: true });
  const during: Replay[] = [];
  const sending = client.send(live, { batch: 20 });
  const ended = await until(
    'the replay ends',
    async () => {
      const reading = await scene.read(replay.id);
      during.push(reading);
      return reading;
    },
    ({ status }) => status !== 'running',
  );
  await sending;
  await client.close();
  acknowledged = client.acknowledged();
  const lines = await until(
    'everything has arrived',
    () => sink.lines(),
    (all) => all.filter(isTaken).length >= past + live,
  );

  expect(acknowledged).toHaveLength(past + live);
  expect(judge([acknowledged.slice(0, past), acknowledged.slice(past)], lines)).toEqual(flawless);
  expect(ended).toMatchObject({ status: 'completed', statusReason: null });
  expect(ended.counts).toMatchObject({ selected: past, delivered: past, remaining: 0 });
  expect(ended.range).toMatchObject({ fromPosition: 1, toPosition: past, unreachable: null });
  // Both were really under way at once, and the replay was seen half-way.
  const replayed = new Set(acknowledged.slice(0, past).map(({ messageId }) => messageId));
  const order = [...lines].sort((a, b) => a.seq - b.seq).map(({ messageId }) => replayed.has(messageId!));
  expect(order.indexOf(false)).toBeLessThan(order.lastIndexOf(true));
  const halfway = during.filter(({ counts }) => counts.delivered > 0 && counts.remaining > 0);
  expect(halfway.length).toBeGreaterThan(0);
  const delivered = during.map(({ counts }) => counts.delivered);
  expect(delivered).toEqual([...delivered].sort((a, b) => a - b));
});

test('the same replay again sends nothing', async () => {
  const { received } = await sink.state();
  const again = await scene.ended((await scene.replay(destinationId)).id);
  expect(again).toMatchObject({ status: 'completed' });
  expect(again.counts).toMatchObject({ delivered: 0, remaining: 0 });
  expect(again.counts.alreadyDelivered).toBe(again.counts.selected);
  expect(again.counts.selected).toBeGreaterThanOrEqual(past);
  expect(await sink.state()).toMatchObject({ received });
});

test('the replay is to be seen in Temporal, with its progress', async () => {
  const { temporal } = scene;
  const found = await until(
    'the list knows both replays',
    () => temporal.list(`WorkflowType = 'replay' AND RepriseDestination = '${destinationId}'`),
    (ids) => ids.length === 2,
  );
  expect(found).toContain(replay.workflow.id);
  expect(await temporal.describe(replay.workflow.id)).toMatchObject({
    status: 'COMPLETED',
    type: 'replay',
    summary: `Replay ${replay.id}`,
    memo: { replayId: replay.id, destinationId },
    searchAttributes: { RepriseDestination: destinationId, RepriseState: 'completed' },
  });
  const summaries = await temporal.summaries(replay.workflow.id);
  expect(summaries[0]).toBe('starts');
  expect(summaries.at(-1)).toMatch(/^100 % · 10,000 of 10,000 · [\d.]+\/s$/);
  const details = await temporal.details(replay.workflow.id);
  expect(details).toMatch(/^\*\*completed\*\* · 100 % · 10,000 of 10,000 · /);
  expect(details).toMatch(/^\| 0 \| done \| 10000 \| [\d.]+\/s \| {2}\| {2}\|$/m);
  expect(await temporal.list("WorkflowType = 'stream' AND ExecutionStatus = 'Running'")).toEqual([
    `stream/${destinationId}`,
  ]);
});

/** The members and the texts of what may be handed to Temporal; the last ones are of its own making. */
const members =
  'destinationId replayId runId lane lanes takesUp ended as next wakeAt wakeInMs position settled selected rate reason wakesOthers id deprecated'.split(
    ' ',
  );
const texts = [
  /^[\w-]{36}$/,
  /^\d+$/,
  /^(more|done|idle|running|completed|starts)$/,
  /^(Replay|Stream to) [\w-]{36}$/,
  /^(\d+ %|up to \d+) · [\d,]+ (of [\d,]+|events) · [\d.]+\/s$/,
  /^range-may-(change|have-grown)$/,
];

function expectHarmless(value: unknown): void {
  if (typeof value === 'string') expect(texts.some((text) => text.test(value)) ? '' : value).toBe('');
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) for (const name of Object.keys(value)) expect(members).toContain(name);
  Object.values(value).forEach(expectHarmless);
}

test('nothing but ids, cursors and counters goes through Temporal', async () => {
  for (const id of [replay.workflow.id, `stream/${destinationId}`]) {
    const payloads = await scene.temporal.payloads(id);
    expect(payloads.length).toBeGreaterThan(5);
    payloads.forEach(expectHarmless);
  }
});

test('a person sees it on its page in the Temporal UI', async () => {
  expect(replay.workflow.url).toContain(new URL(scene.product.temporalUrl).port);
  const page = await openPage(replay.workflow.url!);
  await page.getByText('deliverSlice').first().waitFor({ timeout: 60_000 });
  await page.getByText('100 % · 10,000 of 10,000').first().waitFor({ timeout: 30_000 });
  await page.screenshot({ path: join(scene.folder, 'temporal-ui.png') });
  const text = await page.locator('body').innerText();
  expect(text).toContain(replay.workflow.id);
  expect(text).toContain('Completed');
});
