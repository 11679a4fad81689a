import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { setReplayRange } from '../../src/db/replays.ts';
import { endRunIfDue } from '../../src/db/run-end.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  ask,
  connect,
  countsOf,
  newEngine,
  newReplay,
  runOf,
  runSlice,
  runToEnd,
  type Engine,
} from '../support/engine.ts';
import { takeFilter } from '../support/engine-hand-over.ts';

const db = await testDatabase();
type Traits = Record<string, unknown>;

/** One identify call for each of these traits, of one user. */
async function identify(engine: Engine, userId: string, list: readonly Traits[], more: object = {}) {
  const sent = [];
  for (const traits of list)
    sent.push(...(await append(engine, [userId], { type: 'identify', traits, ...more })));
  return sent;
}

interface Arrived {
  readonly type: string;
  readonly userId: string;
  readonly messageId: string;
  readonly traits?: Traits;
}

/** What came in, in its order. */
function arrived(engine: Engine): Arrived[] {
  return engine.sink.bodies.flatMap((body) => JSON.parse(body) as Arrived | Arrived[]);
}
const traitsOf = (engine: Engine) => arrived(engine).map(({ traits }) => traits);

const latest = { profiles: 'latest' };

async function replay(engine: Engine, request: Record<string, unknown> = {}) {
  const run = await newReplay(engine, { ...latest, ...request });
  await runToEnd(engine, run);
  return await countsOf(engine, run);
}

describe('of a user’s identify calls', () => {
  test('the last goes with the newest value of each trait, and the others are superseded', async () => {
    const engine = await newEngine(db);
    const sent = await identify(engine, 'ada', [
      { plan: 'free', city: 'Paris' },
      { plan: 'pro' },
      { seats: 3 },
    ]);
    await append(engine, ['ada', 'bob']);
    await identify(engine, 'bob', [{ plan: 'free' }]);
    expect(await replay(engine)).toEqual({ delivered: 4, superseded: 2 });
    const identified = arrived(engine).filter(({ type }) => type === 'identify');
    expect(Object.fromEntries(identified.map(({ userId, traits }) => [userId, traits]))).toEqual({
      ada: { plan: 'pro', city: 'Paris', seats: 3 },
      bob: { plan: 'free' },
    });
    expect(identified).toHaveLength(2);
    expect(identified.find(({ userId }) => userId === 'ada')!.messageId).toBe(sent[2]!.messageId);

    // The same once more sends nothing.
    expect(await replay(engine)).toEqual({ alreadyDelivered: 4, superseded: 2 });
    expect(arrived(engine)).toHaveLength(4);
  });

  test('what a later one has brought to the destination, or is about to, is left alone', async () => {
    const engine = await newEngine(db);
    await identify(engine, 'ada', [{ plan: 'free', city: 'Paris' }, { city: 'Rome' }]);
    await identify(engine, 'bob', [{ plan: 'free' }]);
    await identify(engine, 'cy', [{ plan: 'free', city: 'Oslo' }]);
    const stream = await connect(engine);
    await identify(engine, 'ada', [{ plan: 'pro' }]);
    await identify(engine, 'bob', [{ plan: 'pro' }]);
    await runToEnd(engine, stream);
    await identify(engine, 'cy', [{ city: 'Bergen' }]); // still to be sent
    engine.sink.bodies.length = 0;
    expect(await replay(engine)).toEqual({ delivered: 2, superseded: 2, alreadyDelivered: 2 });
    expect(Object.fromEntries(arrived(engine).map(({ userId, traits }) => [userId, traits]))).toEqual({
      ada: { city: 'Rome' },
      cy: { plan: 'free' },
    });
  });

  test('one that comes in while the replay runs counts as well', async () => {
    const engine = await newEngine(db);
    await append(engine, ['first']);
    await identify(engine, 'ada', [{ plan: 'free', city: 'Paris' }]);
    await connect(engine);
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    engine.sink.answer = () => ({ status: 200, after: answered });
    const run = await newReplay(engine, { ...latest, order: 'strict' });
    const working = runToEnd(engine, run);
    await engine.sink.arrived(1);
    await identify(engine, 'ada', [{ plan: 'pro' }]);
    answer();
    await working;
    expect(traitsOf(engine)).toEqual([undefined, { city: 'Paris' }]);
  });

  test('later ones that nobody brings to the destination say nothing', async () => {
    const engine = await newEngine(db);
    const [first] = await identify(engine, 'ada', [{ plan: 'free', city: 'Paris' }, { plan: 'pro' }]);
    await connect(engine);
    await identify(engine, 'ada', [{ city: 'imported' }], { live: false });
    const range = { by: 'position', to: first!.position };
    expect(await replay(engine, { range })).toEqual({ delivered: 1 });
    expect(traitsOf(engine)).toEqual([{ plan: 'free', city: 'Paris' }]);
  });

  test('one that the destination has already goes not again, and what older ones add goes with the last that is missing', async () => {
    const engine = await newEngine(db);
    const sent = await identify(engine, 'ada', [{ a: 1, b: 1 }, { b: 2, c: 2 }, { c: 3 }]);
    const last = { by: 'position', from: sent[2]!.position };
    await runToEnd(engine, await newReplay(engine, { range: last }));
    expect(await replay(engine)).toEqual({ delivered: 1, superseded: 1, alreadyDelivered: 1 });
    expect(traitsOf(engine)).toEqual([{ c: 3 }, { b: 2, a: 1 }]);
  });
});

describe('only those that the destination takes are put together', () => {
  test('by its filter', async () => {
    const engine = await newEngine(db);
    await takeFilter(engine, 'traits.plan = "pro"');
    await identify(engine, 'ada', [
      { plan: 'pro', a: 1 },
      { plan: 'free', a: 2 },
      { plan: 'pro', b: 3 },
    ]);
    await identify(engine, 'ada', [{ plan: 'free', a: 4, b: 4 }]);
    expect(await replay(engine)).toEqual({ delivered: 1, superseded: 1, filtered: 2 });
    expect(traitsOf(engine)).toEqual([{ plan: 'pro', b: 3, a: 1 }]);
  });

  test('by what the replay selects', async () => {
    const engine = await newEngine(db);
    await identify(engine, 'ada', [{ a: 1, keep: true }, { a: 2 }, { a: 3, keep: true }, { a: 4 }]);
    const filter = { fql: 'traits.keep = true' };
    expect(await replay(engine, { filter })).toEqual({ delivered: 1, superseded: 1 });
    expect(traitsOf(engine)).toEqual([{ a: 3, keep: true }]);
  });

  test('by what they say of the destinations that they are for', async () => {
    const engine = await newEngine(db);
    await identify(engine, 'ada', [{ a: 1 }]);
    await identify(engine, 'ada', [{ a: 2 }], { integrations: { All: false } });
    expect(await replay(engine)).toEqual({ delivered: 1, filtered: 1 });
    expect(traitsOf(engine)).toEqual([{ a: 1 }]);
  });
});

test('a replay whose range gets shorter sends what is the last of it then', async () => {
  const engine = await newEngine(db);
  const sent = await identify(engine, 'ada', [{ a: 1, b: 1 }, { a: 2 }]);
  await append(engine, ['bob']);
  await identify(engine, 'ada', [{ a: 3 }]);
  engine.sink.answer = () => 'never';
  const run = await newReplay(engine, latest);
  const leave = new AbortController();
  const working = runSlice(engine, run, { signal: leave.signal, timing: { drainMs: 0 } });
  await engine.sink.arrived(2);
  const range = { by: 'position', to: sent[1]!.position } as const;
  await db.transaction((tx) => setReplayRange(tx, run, range));
  leave.abort();
  await working;
  engine.sink.answer = () => 200;
  engine.sink.bodies.length = 0;
  await db.transaction((tx) => endRunIfDue(tx, run));
  await runToEnd(engine, run);
  expect(traitsOf(engine)).toEqual([{ a: 2, b: 1 }]);
  expect(await countsOf(engine, run)).toEqual({ delivered: 1, superseded: 1 });
});

test('what was listed for it is gone with its end', async () => {
  const engine = await newEngine(db);
  await identify(engine, 'ada', [{ a: 1 }, { a: 2 }]);
  const run = await newReplay(engine, latest);
  await runToEnd(engine, run);
  const left = await db.rows(sql`
    select run_id from replay_identify where run_id = ${run}
    union all select run_id from replay_identify_reach where run_id = ${run}`);
  expect(left).toEqual([]);
});

test('dead letters are retried as they are: mode "failed" does not take it', async () => {
  const engine = await newEngine(db);
  await expect(ask(engine, { mode: 'failed', ...latest })).rejects.toThrow(/profiles/);
});

const users = ['ada', 'bob', 'cy'];
const call = fc.record({
  user: fc.constantFrom(...users),
  keys: fc.subarray(['a', 'b', 'c', 'd'], { minLength: 1 }),
  imported: fc.boolean(),
});
const world = fc.record({
  history: fc.array(call, { minLength: 1, maxLength: 14 }),
  live: fc.array(call, { maxLength: 6 }),
  streamFirst: fc.boolean(),
  cut: fc.nat(6),
  from: fc.double({ min: 0, max: 0.5, noNaN: true }),
  lanes: fc.constantFrom(1, 3),
  filtered: fc.boolean(),
});

/** Appends a call whose traits are numbered, so that each says which call set it. */
async function appendCall(
  engine: Engine,
  { user, keys, imported }: typeof call extends fc.Arbitrary<infer C> ? C : never,
  live: boolean,
  number: number,
) {
  const traits = Object.fromEntries(keys.map((key) => [key, number]));
  const [sent] = await identify(engine, user, [traits], { live: live && !imported });
  return { user, traits, position: sent!.position, streamed: live && !imported };
}

test('whatever order things happen in, a profile ends as if all that was sent had come in order, and each user’s goes once', async () => {
  let number = 0;
  await fc.assert(
    fc.asyncProperty(world, async ({ history, live, streamFirst, cut, from, lanes, filtered }) => {
      const engine = await newEngine(db);
      if (filtered) await takeFilter(engine, 'type = "identify" and (traits.a > 0 or traits.b > 0)');
      const calls: Awaited<ReturnType<typeof appendCall>>[] = [];
      for (const one of history) calls.push(await appendCall(engine, one, false, ++number));
      const stream = await connect(engine);
      for (const one of live) calls.push(await appendCall(engine, one, true, ++number));
      if (streamFirst) await runToEnd(engine, stream);
      const beforeReplay = arrived(engine).length;
      const range = { by: 'position', from: calls[Math.floor(from * history.length)]!.position };
      const run = await newReplay(engine, { ...latest, range, pace: { lanes } });
      const end = await cutShort(engine, run, beforeReplay + cut);
      await Promise.all(
        Array.from({ length: lanes }, async (_, lane) => {
          if (lane > 0 || end !== 'done') expect((await runSlice(engine, run, { lane })).kind).toBe('done');
        }),
      );
      await db.transaction((tx) => endRunIfDue(tx, run));
      if (!streamFirst) await runToEnd(engine, stream);

      const took = ({ traits }: { traits: Traits }) => !filtered || 'a' in traits || 'b' in traits;
      const { toPosition } = await runOf(engine, run);
      const last = toPosition!;
      const reached = calls.filter(
        (one) => took(one) && (one.streamed || (one.position >= range.from && one.position <= last)),
      );
      expect(
        profilesOf(arrived(engine).map(({ userId, traits }) => ({ user: userId, traits: traits! }))),
      ).toEqual(profilesOf(reached));
      const replayed = reached.filter(({ position }) => position <= last);
      const { delivered = 0, superseded = 0, alreadyDelivered = 0 } = await countsOf(engine, run);
      expect(delivered + superseded + alreadyDelivered).toBe(replayed.length);
      expect(delivered).toBeLessThanOrEqual(new Set(replayed.map(({ user }) => user)).size);
      const sent = arrived(engine).length;
      await replay(engine, { range: { ...range, to: last } });
      expect(arrived(engine)).toHaveLength(sent);
      await engine.head.close(); // each has a connection
      await engine.sink.down();
    }),
    { numRuns: 12, endOnFailure: true },
  );
}, 120_000);

/** Works a lane until so many requests have come in, and lets it go. */
async function cutShort(engine: Engine, run: string, requests: number): Promise<string> {
  const leave = new AbortController();
  engine.sink.answer = () => {
    if (engine.sink.bodies.length >= requests) leave.abort();
    return 200;
  };
  if (requests === 0) leave.abort();
  const { kind } = await runSlice(engine, run, { signal: leave.signal });
  engine.sink.answer = () => 200;
  return kind;
}

function profilesOf(calls: readonly { user: string; traits: Traits }[]): Record<string, Traits> {
  const profiles: Record<string, Traits> = {};
  for (const { user, traits } of calls) profiles[user] = { ...profiles[user], ...traits };
  return profiles;
}
