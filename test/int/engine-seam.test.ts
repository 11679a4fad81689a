import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { archiveHead } from '../../src/db/archive/read.ts';
import { endStream } from '../../src/db/streams.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  bitsOf,
  connect,
  countsOf,
  newEngine,
  newReplay,
  runOf,
  runSlice,
  runToEnd,
  turns,
  type Engine,
} from '../support/engine.ts';
import { trackEvent } from '../support/events.ts';

const db = await testDatabase({ maxConnections: 30 });
const writerCount = 8;

/** Writers that append without a break, each keeping its transaction open for a while. */
function startWriters(engine: Engine) {
  const over = new AbortController();
  const written: string[] = [];
  const write = async (writer: number) => {
    for (let turn = 0; !over.signal.aborted; turn++) {
      const ids = Array.from({ length: 1 + (turn % 4) }, (_, index) => `w${writer}-${turn}-${index}`);
      const events = ids.map((messageId) =>
        trackEvent(engine.source, { messageId, userId: `u${writer % 5}` }),
      );
      await db.transaction(async (tx) => {
        await delay(Math.random() * 10); // begun before others that commit first
        await appendEvents(tx, events);
        await delay(Math.random() * 30);
      });
      written.push(...ids);
    }
  };
  const writing = Array.from({ length: writerCount }, (_, writer) => write(writer));
  const stop = async () => {
    over.abort();
    await Promise.all(writing);
  };
  const more = async (count: number) => {
    const wanted = written.length + count;
    await vi.waitFor(() => expect(written.length).toBeGreaterThan(wanted), { timeout: 15_000 });
  };
  return { written, more, stop };
}

test('connected amid eight writers: stream and replay together send each event exactly once', async () => {
  const engine = await newEngine(db);
  await append(engine, turns(500));
  const writers = startWriters(engine);
  await writers.more(30);

  const stream = await connect(engine);
  const replay = await newReplay(engine);
  const { fromPosition: seam } = await runOf(engine, stream);
  expect((await runOf(engine, replay)).toPosition).toBe(seam - 1);
  const sending = [runToEnd(engine, replay), runToEnd(engine, stream, { timing: { idleMs: 1_000 } })];
  await writers.more(80); // above the seam, while both send
  await writers.stop();
  await Promise.all(sending);

  const sent = engine.sink.arrivals.map(({ messageId }) => messageId).sort();
  const archived = await db.pool.query<{ message_id: string }>(
    'select message_id from event where source_id = $1',
    [engine.source],
  );
  expect(sent).toEqual(archived.rows.map((row) => row.message_id).sort());
  expect(sent).toHaveLength(500 + writers.written.length);
  // Each sent its own part, and both had one that was written under way.
  const [action] = engine.actions;
  const [below, above] = [await bitsOf(engine, replay, action!), await bitsOf(engine, stream, action!)];
  expect(Math.max(...below)).toBeLessThan(seam);
  expect(Math.min(...above)).toBeGreaterThanOrEqual(seam);
  expect(below.length).toBeGreaterThan(500);
  expect(above.length).toBeGreaterThan(30);
  expect(below.length + above.length).toBe(sent.length);
});

test('what is appended but not committed when a destination is connected belongs to its stream', async () => {
  const engine = await newEngine(db);
  const past = await append(engine, turns(20));
  const { stream, open } = await db.transaction(async (tx) => {
    const open = await append({ ...engine, db: tx }, turns(5));
    const stream = await connect(engine);
    const replay = await newReplay(engine);
    await runToEnd(engine, replay); // reads to its end before the append commits
    expect(await countsOf(engine, replay)).toEqual({ delivered: past.length });
    return { stream, open };
  });
  await runToEnd(engine, stream);
  expect(await countsOf(engine, stream)).toEqual({ delivered: open.length });
  expect(engine.sink.taken().size).toBe(past.length + open.length);
});

test('a replay that is created again and again beside a moving stream sends nothing that the stream sends', async () => {
  const engine = await newEngine(db);
  const stream = await connect(engine);
  engine.sink.answer = () => ({ status: 200, afterMs: Math.random() * 20 });
  const writers = startWriters(engine);
  const streaming = runToEnd(engine, stream, { timing: { idleMs: 1_000 } });
  for (let round = 0; round < 6; round++) {
    const replay = await newReplay(engine);
    const ended = await runToEnd(engine, replay);
    const counts = await countsOf(engine, replay);
    expect(counts.delivered ?? 0).toBe(0);
    expect(counts.alreadyDelivered ?? 0).toBe(ended.selected);
  }
  await writers.stop();
  await streaming;
  expect([...engine.sink.taken().values()].filter((times) => times > 1)).toEqual([]);
  expect(engine.sink.taken().size).toBe(writers.written.length);
});

test('a stream that ends and opens again leaves a gap, and a replay fills exactly that', async () => {
  const engine = await newEngine(db);
  const first = await connect(engine); // what comes before it would be a gap of its own
  const writers = startWriters(engine);
  await runSlice(engine, first, { timing: { sliceMs: 300 } });
  await db.transaction((tx) => endStream(tx, engine.destinationId, 'disabled'));
  const { toPosition: endOfFirst } = await runOf(engine, first);
  await vi.waitFor(async () => expect(await archiveHead(db)).toBeGreaterThan(endOfFirst! + 50), {
    timeout: 10_000,
  });
  const second = await connect(engine);
  const { fromPosition: seam } = await runOf(engine, second);
  await writers.more(50);
  await writers.stop();
  await runToEnd(engine, second);

  // Some of the gap may have arrived above the mark at which the first stream ended.
  const had = new Set(engine.sink.taken().keys());
  const replay = await newReplay(engine);
  await runToEnd(engine, replay);
  const filled = [...engine.sink.taken().keys()].filter((id) => !had.has(id));
  const own = await db.pool.query<{ count: number }>(
    'select count(*) from event where source_id = $1 and position > $2 and position < $3 and message_id = any($4)',
    [engine.source, endOfFirst, seam, filled],
  );
  expect(filled.length).toBeGreaterThan(0);
  expect(own.rows[0]!.count).toBe(filled.length);
  expect(await countsOf(engine, replay)).toMatchObject({ delivered: filled.length });
  expect([...engine.sink.taken().values()].every((times) => times === 1)).toBe(true);
  expect(engine.sink.taken().size).toBe(writers.written.length);
});
