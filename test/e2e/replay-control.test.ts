import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { flawless, judge } from '../support/checker.ts';
import type { Answer, Replay } from '../support/product.ts';
import { openScene } from '../support/scene.ts';
import type { Sink } from '../support/sink.ts';
import { until } from '../support/until.ts';

const events = 2_000;
/** Slow enough that every test finds its replay under way. */
const pace = { eventsPerSecond: 200 };
/** Long enough for whatever still went out to be seen: more than a lease, a commit and a retry take. */
const quietMs = 3_000;

const scene = await openScene();
const acknowledged = await scene.archive(events);
let sink: Sink;
let destinationId: string;
let replay: Replay;

beforeEach(async () => {
  sink = await scene.newSink();
  await sink.become({ delayMs: 50 }); // so that there is always something in flight
  destinationId = await scene.connect(sink);
  replay = await scene.replay(destinationId, { pace });
});

test('pace, pause, resume and cancel of a replay under way', async () => {
  await arrived(50);
  await keepsPace(pace.eventsPerSecond);
  await stands(await ask('pause'), 'paused', 'pausing');
  await staysQuiet();
  const { counts } = await scene.read(replay.id);
  expect(counts.delivered).toBe((await sink.state()).received);

  expect(await ask('resume')).toMatchObject({ status: 200, body: { status: 'running' } });
  await arrived(counts.delivered + 1);
  const changed = await scene.product.call('PATCH', `/api/replays/${replay.id}`, {
    pace: { eventsPerSecond: 50 },
  });
  expect(changed).toMatchObject({ status: 200, body: { pace: { eventsPerSecond: 50 } } });
  await heard();
  await keepsPace(50);

  await stands(await ask('cancel'), 'cancelled', 'cancelling');
  const delivered = (await sink.state()).received;
  await staysQuiet();
  const cancelled = await scene.read(replay.id);
  expect(cancelled.counts).toMatchObject({ delivered, remaining: events - delivered, waiting: 0 });
  expect(await ask('resume')).toMatchObject({ status: 409, body: { code: 'replay_ended' } });

  const rest = await scene.ended((await scene.replay(destinationId)).id);
  expect(rest.counts).toMatchObject({ alreadyDelivered: delivered, delivered: events - delivered });
  expect(judge([acknowledged], sink.lines())).toEqual(flawless);

  const summaries = await scene.temporal.summaries(replay.workflow.id);
  expect(summaries.filter((summary) => /^\d+ % · [\d,]+ of 2,000 · [\d.]+\/s$/.test(summary))).not.toEqual(
    [],
  );
});

test('its range grows and shrinks while it is under way, and when some of its lanes are done', async () => {
  await ask('cancel');
  const before = (await sink.state()).received;
  const range = { by: 'position', to: 400 };
  replay = await scene.replay(destinationId, { range, mode: 'all', pace: { ...pace, lanes: 3 } });
  await arrived(before + 100);
  await end(800);
  await end(600);
  await arrived(before + 450); // the lanes are done one after another from now on
  await end(700);
  const ended = await scene.ended(replay.id);
  expect(ended).toMatchObject({
    status: 'completed',
    range: { toPosition: 700 },
    counts: { selected: 700, selectedExact: true, delivered: 700 },
  });
  expect((await sink.state()).received).toBe(before + 700);
});

test('paused while its workers are killed: it says so only when it is true, and stays so when they are back', async () => {
  await arrived(200);
  const before = scene.product.processes();
  for (const [name, pid] of Object.entries(before)) {
    if (name.startsWith('delivery-')) process.kill(pid, 'SIGKILL');
  }
  await stands(await ask('pause'), 'paused', 'pausing');
  await staysQuiet();
  await until(
    'the workers are back',
    () => scene.product.output().match(/delivery-\d runs again/g) ?? [],
    (back) => back.length === 2,
  );
  await staysQuiet();
  expect(await scene.read(replay.id)).toMatchObject({ status: 'paused' });

  expect(await ask('resume')).toMatchObject({ status: 200, body: { status: 'running' } });
  const ended = await scene.ended(replay.id);
  expect(ended).toMatchObject({ status: 'completed', counts: { delivered: events } });
  const { duplicates, unexplained: _, ...verdict } = judge([acknowledged], sink.lines());
  expect(verdict).toEqual({ ...flawless, duplicates: undefined, unexplained: undefined });
  expect(duplicates.length).toBeLessThan(pace.eventsPerSecond); // what a second brings at this pace
});

test('without a delivery worker every wish is true at once, and holds when workers come', async () => {
  await arrived(200);
  expect(await scene.product.stop()).toBe(0);
  await scene.restart({ REPRISE_WORKERS: '0' });
  await scene.readUntil(
    replay.id,
    'it says that it waits for a worker',
    ({ status, statusReason }) => status === 'running' && statusReason === 'waiting_for_worker',
  );
  expect(await ask('pause')).toMatchObject({ status: 200, body: { status: 'paused' } });
  expect(await ask('resume')).toMatchObject({ status: 200, body: { status: 'running' } });
  const changed = await scene.product.call('PATCH', `/api/replays/${replay.id}`, {
    pace: { eventsPerSecond: null },
  });
  expect(changed).toMatchObject({ status: 200, body: { pace: { eventsPerSecond: null } } });
  expect(await ask('pause')).toMatchObject({ status: 200, body: { status: 'paused' } });
  const otherDestination = await scene.connect(sink);
  const other = await scene.replay(otherDestination);
  expect(await ask('cancel', other.id)).toMatchObject({ status: 200, body: { status: 'cancelled' } });
  expect(await scene.product.stop()).toBe(0);

  await scene.restart();
  await staysQuiet();
  expect(await scene.read(replay.id)).toMatchObject({ status: 'paused' });
  expect(await scene.read(other.id)).toMatchObject({ status: 'cancelled', counts: { delivered: 0 } });
  expect(await ask('resume')).toMatchObject({ status: 200, body: { status: 'running' } });
  expect(await scene.ended(replay.id)).toMatchObject({ status: 'completed', counts: { delivered: events } });
  expect(judge([acknowledged], sink.lines())).toEqual(flawless);
});

function ask(verb: 'pause' | 'resume' | 'cancel', id = replay.id): Promise<Answer> {
  return scene.product.call('POST', `/api/replays/${id}/${verb}`);
}

/** 200 says that it is so; 202 that it is on the way, and then it comes to be so. */
async function stands({ status, body }: Answer, there: string, onTheWay: string): Promise<void> {
  expect([`200 ${there}`, `202 ${onTheWay}`]).toContain(`${status} ${body.status}`);
  await scene.readUntil(replay.id, `it is ${there}`, (reading) => {
    expect([there, onTheWay]).toContain(reading.status);
    return reading.status === there;
  });
}

/** Nothing is sent any more. */
async function staysQuiet(): Promise<void> {
  const { received, answered } = await sink.state();
  expect(answered).toBe(received);
  await delay(quietMs);
  expect((await sink.state()).received).toBe(received);
}

/** Gives the replay another end, which must be obeyed at once. */
async function end(to: number): Promise<void> {
  const changed = await scene.product.call('PATCH', `/api/replays/${replay.id}`, { range: { to } });
  expect(changed).toMatchObject({ status: 200, body: { range: { toPosition: to } } });
}

async function arrived(count: number): Promise<void> {
  await until(
    `${count} have arrived`,
    () => sink.state(),
    ({ answered }) => answered >= count,
  );
}

/** The worker has acted upon the last wish. */
async function heard(): Promise<void> {
  const unheard = `select 1 from run r join lane l on l.run_id = r.id
    where r.id = $1 and l.lease_revision < r.revision`;
  await until(
    'the wish has been heard',
    () => scene.rows(unheard, [replay.id]),
    (rows) => rows.length === 0,
  );
}

/** On average: a busy machine may fall behind, and no burst makes up for that afterwards. */
async function keepsPace(eventsPerSecond: number): Promise<void> {
  const first = await sink.state();
  await arrived(first.received + 4 * eventsPerSecond);
  const last = await sink.state();
  const rate = (1_000 * (last.received - first.received)) / (last.now - first.now);
  expect(rate).toBeGreaterThan(eventsPerSecond / 4);
  expect(rate).toBeLessThan(eventsPerSecond * 1.2);
}
