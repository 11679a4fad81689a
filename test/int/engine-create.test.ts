import { describe, expect, test } from 'vitest';
import { ReplayRequest, type ReplayRange } from '../../src/core/replay-request.ts';
import { reachOf } from '../../src/db/replay-reach.ts';
import { setReplayDesired } from '../../src/db/replays.ts';
import { sql } from '../../src/db/sql.ts';
import { endStream } from '../../src/db/streams.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  ask,
  connect,
  newEngine,
  newReplay,
  runOf,
  runSlice,
  runToEnd,
  take,
  turns,
  type Engine,
  type Sent,
} from '../support/engine.ts';
import { newSource } from '../support/events.ts';

const db = await testDatabase();

const end = (sent: readonly Sent[]) => sent.at(-1)!.position;
const rangeOf = async (engine: Engine, request: Record<string, unknown> = {}) => {
  const made = await ask(engine, request);
  if (made.kind !== 'created') throw new Error(made.kind);
  return made.replay;
};

const requestOf = (engine: Engine, more: object) =>
  ReplayRequest.parse({ destinationId: engine.destinationId, ...more });

describe('where a replay ends', () => {
  test('at the head of the archive as long as the destination has no stream', async () => {
    const engine = await newEngine(db);
    const past = await append(engine, turns(3));
    expect(await rangeOf(engine)).toMatchObject({
      fromPosition: 1,
      toPosition: end(past),
      cutToStream: false,
    });
  });

  test('at the mark of its stream, not at the head nor at the seam', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(3));
    const stream = await connect(engine);
    const delivered = await append(engine, turns(4));
    await runToEnd(engine, stream);
    await append(engine, turns(5));
    expect(await rangeOf(engine)).toMatchObject({ toPosition: end(delivered), cutToStream: true });
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    const reach = async (range: ReplayRange) =>
      await db.transaction((tx) =>
        reachOf(tx, requestOf(engine, { range }), { sources: null, filter: null }),
      );
    for (const by of ['received', 'event'] as const) {
      expect(await reach({ by, to: tomorrow })).toMatchObject({ to: end(delivered), cutToStream: true });
      expect(await reach({ by, to: '2020-01-01T00:00:00.000Z' })).toMatchObject({ cutToStream: false });
    }
  });

  test('where the stream stood until its last slice has drained, also when it was asked to end', async () => {
    const engine = await newEngine(db);
    const stream = await connect(engine);
    const seam = (await runOf(engine, stream)).fromPosition;
    await append(engine, turns(4));
    await take(db, stream);
    await db.transaction((tx) => endStream(tx, engine.destinationId, 'disabled'));
    expect((await runOf(engine, stream)).endedAt).toBeNull();
    expect(await rangeOf(engine)).toMatchObject({ toPosition: seam - 1 });
  });

  test('at the head again once the stream has ended', async () => {
    const engine = await newEngine(db);
    const stream = await connect(engine);
    const missed = await append(engine, turns(4));
    await db.transaction((tx) => endStream(tx, engine.destinationId, 'disabled'));
    const { endedAt, toPosition } = await runOf(engine, stream);
    expect(endedAt).not.toBeNull();
    expect(toPosition).toBe(missed[0]!.position - 1);
    const replay = await rangeOf(engine);
    expect(replay).toMatchObject({ toPosition: end(missed) });
    await runToEnd(engine, replay.id);
    expect(engine.sink.taken().size).toBe(4);
  });

  test('a position above it is cut and the answer says so; one below it is kept', async () => {
    const engine = await newEngine(db);
    const past = await append(engine, turns(6));
    await connect(engine);
    await append(engine, turns(6));
    const over = await rangeOf(engine, {
      range: { by: 'position', from: past[1]!.position, to: end(past) + 3 },
    });
    expect(over).toMatchObject({ fromPosition: past[1]!.position, toPosition: end(past), cutToStream: true });
    await setReplayDesired(db, over.id, 'cancelled');
    const under = await rangeOf(engine, { range: { by: 'position', to: past[2]!.position } });
    expect(under).toMatchObject({ toPosition: past[2]!.position, cutToStream: false, selected: 3 });
  });

  test('one that lies wholly in what the stream owns is empty and ends at once', async () => {
    const engine = await newEngine(db);
    await connect(engine);
    const [first] = await append(engine, turns(6));
    const replay = await rangeOf(engine, { range: { by: 'position', from: first!.position } });
    expect(replay).toMatchObject({ selected: 0, selectedExact: true });
    expect((await runToEnd(engine, replay.id)).endedAs).toBe('completed');
    expect(engine.sink.arrivals).toEqual([]);
  });
});

describe('one replay at a time', () => {
  test('thirty at once make exactly one, and the others name it', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(3));
    const made = await Promise.all(Array.from({ length: 30 }, () => ask(engine)));
    const created = made.flatMap((one) => (one.kind === 'created' ? [one.replay.id] : []));
    expect(created).toHaveLength(1);
    const refused = made.filter((one) => one.kind !== 'created');
    expect(refused).toEqual(
      Array.from({ length: 29 }, () => ({ kind: 'replay_running', replayId: created[0] })),
    );
  });

  test('a paused one still occupies its destination', async () => {
    const engine = await newEngine(db);
    const first = await newReplay(engine);
    await setReplayDesired(db, first, 'paused');
    expect(await ask(engine)).toEqual({ kind: 'replay_running', replayId: first });
  });

  test('a cancelled one that nobody works is ended first', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(3));
    const first = await newReplay(engine);
    await setReplayDesired(db, first, 'cancelled');
    expect((await runOf(engine, first)).endedAt).toBeNull();
    expect((await ask(engine)).kind).toBe('created');
    expect(await runOf(engine, first)).toMatchObject({ endedAs: 'cancelled', lanes: [{ state: 'done' }] });
  });

  test('a cancelled one whose lane somebody still holds is in the way until it is let go', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(3));
    const first = await newReplay(engine);
    await take(db, first);
    await setReplayDesired(db, first, 'cancelled');
    expect(await ask(engine)).toEqual({ kind: 'replay_running', replayId: first });
    await db.run(sql`update lane set lease_renewed_at = now() - interval '7 s' where run_id = ${first}`);
    expect((await ask(engine)).kind).toBe('created');
  });

  test('another destination is not in the way', async () => {
    const [one, other] = [await newEngine(db), await newEngine(db)];
    await newReplay(one);
    expect((await ask(other)).kind).toBe('created');
  });

  test('a destination that was disabled by its answers, or deleted, takes none', async () => {
    const engine = await newEngine(db);
    const of = engine.destinationId;
    await db.run(sql`update destination set enabled = false, disabled_reason = 'gone' where id = ${of}`);
    expect(await ask(engine)).toEqual({ kind: 'destination_gone', reason: 'gone' });
    await db.run(sql`update destination set deleted_at = now() where id = ${of}`);
    expect(await ask(engine)).toEqual({ kind: 'no_destination' });
  });
});

describe('what a replay takes', () => {
  /** Runs a replay of these events and names those that arrived. */
  async function arriving(engine: Engine, request: Record<string, unknown>): Promise<string[]> {
    const replay = await rangeOf(engine, request);
    expect(replay.selectedExact).toBe(true);
    await runToEnd(engine, replay.id);
    const names = engine.sink.arrivals.map(({ messageId }) => messageId).sort();
    expect(replay.selected).toBe(names.length);
    return names;
  }
  const named = (sent: readonly Sent[]) => sent.map(({ messageId }) => messageId).sort();

  test.each([
    ['types', { filter: { types: ['identify'] } }, [0]],
    ['names', { filter: { names: ['Bought'] } }, [1]],
    ['users', { filter: { users: ['u2'] } }, [2]],
    ['several lists at once', { filter: { types: ['track'], users: ['u1', 'u0'] } }, [1]],
    ['all but some', { exclude: { types: ['identify'], users: ['u2'] } }, [1]],
  ])('by %s', async (_, request, taken) => {
    const engine = await newEngine(db);
    const sent = [
      await append(engine, ['u0'], { type: 'identify' }),
      await append(engine, ['u1'], { event: 'Bought' }),
      await append(engine, ['u2'], { event: 'Looked' }),
    ];
    expect(await arriving(engine, request)).toEqual(named(taken.flatMap((index) => sent[index]!)));
  });

  test('by sources, within those that the destination takes', async () => {
    const engine = await newEngine(db);
    const other = { ...engine, source: await newSource(db) };
    const own = await append(engine, turns(2));
    await append(other, turns(2));
    expect(await arriving(engine, { filter: { sources: [engine.source, other.source] } })).toEqual(
      named(own),
    );
    await db.run(sql`update destination set sources = null where id = ${engine.destinationId}`);
    const replay = await newReplay(engine, { filter: { sources: [other.source] } });
    await runToEnd(engine, replay);
    expect(engine.sink.taken().size).toBe(4);
  });

  test.each(['received', 'event'] as const)('by time of %s: from inclusive, to exclusive', async (by) => {
    const engine = await newEngine(db);
    const at = (minute: number) => new Date(Date.UTC(2025, 0, 1, 0, minute));
    const sent = [];
    for (const minute of [0, 1, 2, 3])
      sent.push(
        await append(
          engine,
          ['u'],
          by === 'received' ? { receivedAt: at(minute) } : { timestamp: at(minute) },
        ),
      );
    const range = { by, from: at(1).toISOString(), to: at(3).toISOString() };
    expect(await arriving(engine, { range })).toEqual(named([...sent[1]!, ...sent[2]!]));
  });

  test('by position: both ends inclusive', async () => {
    const engine = await newEngine(db);
    const sent = await append(engine, turns(5));
    const range = { by: 'position', from: sent[1]!.position, to: sent[3]!.position };
    expect(await arriving(engine, { range })).toEqual(named(sent.slice(1, 4)));
  });

  test('mode all sends again what has arrived, under new ids that stay the same within the replay', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(4));
    await runToEnd(engine, await newReplay(engine));
    await runToEnd(engine, await newReplay(engine, { mode: 'all' }));
    const ids = engine.sink.arrivals.map(({ id }) => id);
    expect([ids.length, new Set(ids).size]).toEqual([8, 8]);
    await runToEnd(engine, await newReplay(engine, { mode: 'all', newIds: false }));
    expect(new Set(engine.sink.arrivals.slice(8).map(({ id }) => id))).toEqual(new Set(ids.slice(0, 4)));
  });

  test('mode failed sends what was given up on, and nothing else', async () => {
    const engine = await newEngine(db);
    const sent = await append(engine, turns(20));
    const poison = new Set([sent[3]!.messageId, sent[11]!.messageId]);
    engine.sink.answer = ({ messageId }) => (poison.has(messageId) ? 400 : 200);
    const first = await runToEnd(engine, await newReplay(engine));
    expect(first.endedAs).toBe('completed_with_failures');
    engine.sink.answer = () => 200;
    await append(engine, turns(5)); // missing, but nobody gave up on them
    const before = engine.sink.arrivals.length;
    const again = await runToEnd(engine, await newReplay(engine, { mode: 'failed' }));
    expect(again).toMatchObject({ selected: 2, endedAs: 'completed' });
    expect(new Set(engine.sink.arrivals.slice(before).map(({ messageId }) => messageId))).toEqual(poison);
    // What has arrived by now is not sent a third time.
    await runToEnd(engine, await newReplay(engine, { mode: 'failed' }));
    expect(engine.sink.arrivals).toHaveLength(before + 2);
  });

  test('a slice of a replay that has ended does nothing', async () => {
    const engine = await newEngine(db);
    const replay = await newReplay(engine);
    await runToEnd(engine, replay);
    expect(await runSlice(engine, replay)).toEqual({ kind: 'ended' });
  });
});
