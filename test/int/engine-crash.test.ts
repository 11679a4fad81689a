import { expect, onTestFinished, test, vi } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  bitsOf,
  connect,
  countsOf,
  newEngine,
  newReplay,
  runSlice,
  runToEnd,
  senderOf,
  turns,
  type Engine,
  type Sent,
} from '../support/engine.ts';
import { newVictim, watchedDatabase, type Moment } from '../support/engine-faults.ts';

const db = await testDatabase({ maxConnections: 40 });

/** Each user's events came in their order, if one looks at when each came first. */
function expectOrder(engine: Engine, sent: readonly Sent[]): void {
  const firsts = new Map<string, number>();
  engine.sink.arrivals.forEach(({ messageId }, index) => {
    if (!firsts.has(messageId)) firsts.set(messageId, index);
  });
  const last = new Map<string, number>();
  for (const { userId, messageId } of sent) {
    const at = firsts.get(messageId)!;
    expect(at).toBeGreaterThan(last.get(userId) ?? -1);
    last.set(userId, at);
  }
}

async function deadOf(runId: string): Promise<number[]> {
  const rows = await db.rows<{ position: number }>(
    sql`select position from dead_letter where run_id = ${runId} order by position`,
  );
  return rows.map(({ position }) => position);
}

test('a worker that is killed again and again loses nothing and repeats only what had no bit yet', async () => {
  const engine = await newEngine(db);
  const sent = await append(engine, turns(600, 60));
  const [action] = engine.actions as [string];
  engine.sink.answer = () => ({ status: 200, afterMs: 5 + Math.random() * 20 });
  const run = await newReplay(engine);
  const mayRepeat = new Set<string>();
  for (const until of [70, 200, 330, 450]) {
    const known: string[][] = []; // what the worker knew to be delivered when it began each transaction
    let written = 0;
    const victim = await newVictim(engine, ({ at }) => {
      if (at === 'begin') known.push([...victim.taken]);
      if (at === 'committed') written = known.length;
    });
    const working = runSlice(engine, run, { ...victim, takesOver: until > 70 });
    const ended = expect(working).rejects.toThrow('killed');
    await engine.sink.arrived(until);
    victim.kill();
    await ended;
    const bits = new Set(await bitsOf(engine, run, action));
    const without = sent.filter(({ position }) => !bits.has(position)).map(({ messageId }) => messageId);
    const before = known[written - 2] ?? []; // well before the last commit, which must have taken it along
    expect(without.filter((messageId) => before.includes(messageId))).toEqual([]);
    const came = new Set(engine.sink.arrivals.map(({ messageId }) => messageId));
    for (const messageId of without) if (came.has(messageId)) mayRepeat.add(messageId);
  }
  const ended = await runToEnd(engine, run, { takesOver: true });
  expect(ended.endedAs).toBe('completed');
  expect(await countsOf(engine, run)).toEqual({ delivered: 600 });
  const times = new Map<string, number>();
  for (const { messageId } of engine.sink.arrivals) times.set(messageId, (times.get(messageId) ?? 0) + 1);
  expect(times.size).toBe(600);
  for (const [messageId, count] of times) if (count > 1) expect(mayRepeat).toContain(messageId);
  expectOrder(engine, sent);
});

test('what was delivered above the mark stays counted when another worker takes over', async () => {
  const engine = await newEngine(db);
  const sent = await append(engine, turns(3_000, 60));
  const held = sent[0]!.userId; // holds the mark back
  engine.sink.answer = ({ userId }) => ({ status: 200, afterMs: userId === held ? 60_000 : 0 });
  const run = await newReplay(engine);
  const victim = await newVictim(engine);
  const ended = expect(runSlice(engine, run, victim)).rejects.toThrow('killed');
  await engine.sink.arrived(2_500);
  await vi.waitFor(
    async () => expect((await countsOf(engine, run)).delivered).toBeGreaterThan(2_000),
    20_000,
  );
  victim.kill();
  await ended;

  engine.sink.answer = () => ({ status: 200, afterMs: 0 });
  const counted: number[] = [(await countsOf(engine, run)).delivered ?? 0];
  const next = watchedDatabase(engine.db, async ({ at }) => {
    if (at === 'committed') counted.push((await countsOf(engine, run)).delivered ?? 0);
  });
  await runToEnd(engine, run, { takesOver: true, db: next });
  expect(counted).toEqual([...counted].sort((a, b) => a - b));
  expect(counted.at(-1)).toBe(3_000);
});

/** Sixty events through two actions, one of them poison for both. */
async function newMixture() {
  const engine = await newEngine(db, { actions: 2 });
  const sent = await append(engine, turns(60, 30));
  const poison = sent[20]!;
  engine.sink.answer = ({ messageId }) => ({
    status: messageId === poison.messageId ? 400 : 200,
    afterMs: 5,
  });
  return { engine, sent, poison, run: await newReplay(engine) };
}

async function expectExact(
  { engine, sent, poison, run }: Awaited<ReturnType<typeof newMixture>>,
  where: string,
) {
  expect(await countsOf(engine, run), where).toEqual({ delivered: 59, dead: 1 });
  expect(await deadOf(run), where).toEqual([poison.position, poison.position]);
  const wanted = sent.filter((one) => one !== poison).map(({ position }) => position);
  for (const action of engine.actions) expect(await bitsOf(engine, run, action), where).toEqual(wanted);
  expect(engine.sink.taken().size, where).toBe(59);
}

/** The moments of a slice's transactions, counted from its second commit, by which something has been settled. */
function fromSecondCommit(onMoment: (index: number, moment: Moment) => void): (moment: Moment) => void {
  let transactions = 0;
  let index = -1;
  return (moment) => {
    if (moment.at === 'begin') transactions++;
    if (transactions > 2) onMoment(++index, moment); // the first takes the lane
  };
}
const momentCount = 14;

test('a worker that is killed at any moment of a commit leaves books that add up', async () => {
  const seen = new Set<string>();
  const killAt = async (moment: number) => {
    const mixture = await newMixture();
    const { engine, run } = mixture;
    const told = fromSecondCommit((index, { at }) => {
      if (index !== moment) return;
      seen.add(at);
      victim.kill();
    });
    const victim = await newVictim(engine, told);
    await expect(runSlice(engine, run, victim)).rejects.toThrow('killed');
    const { endedAs } = await runToEnd(engine, run, { takesOver: true });
    expect(endedAs).toBe('completed_with_failures');
    await expectExact(mixture, `killed at ${moment}`);
  };
  await Promise.all(Array.from({ length: momentCount }, (_, moment) => killAt(moment)));
  expect(seen).toEqual(new Set(['begin', 'before', 'after', 'commit', 'committed']));
});

test('a commit whose answer is lost at any moment is done again by its worker, and nothing is sent twice', async () => {
  const loseAt = async (moment: number) => {
    const mixture = await newMixture();
    const { engine, run } = mixture;
    const told = fromSecondCommit((index) => {
      if (index === moment) throw new Error('Connection terminated unexpectedly');
    });
    await runToEnd(engine, run, { db: watchedDatabase(db, told) });
    await expectExact(mixture, `lost at ${moment}`);
    expect([...engine.sink.taken().values()].every((times) => times === 2)).toBe(true);
  };
  await Promise.all(Array.from({ length: momentCount }, (_, moment) => loseAt(moment)));
});

test('a worker that is asked to stop drains: nothing is sent twice, however often it is asked', async () => {
  const engine = await newEngine(db);
  const sent = await append(engine, turns(300, 60));
  engine.sink.answer = () => ({ status: 200, afterMs: 20 });
  const run = await newReplay(engine);
  for (let count = 40; count <= 240; count += 40) {
    const stop = new AbortController();
    const working = runSlice(engine, run, { signal: stop.signal });
    await engine.sink.arrived(count);
    stop.abort();
    expect(await working).toEqual({ kind: 'more' });
    expect(engine.sink.open).toBe(0);
  }
  await runToEnd(engine, run);
  expect(engine.sink.arrivals).toHaveLength(300);
  expect(await countsOf(engine, run)).toEqual({ delivered: 300 });
  expectOrder(engine, sent);
});

test('what does not answer within the drain is cut off before the lane is let go, and is sent again', async () => {
  const engine = await newEngine(db);
  const sent = await append(engine, turns(30, 30));
  const slow = sent[4]!.messageId;
  engine.sink.answer = ({ messageId, attempt }) => (messageId === slow && attempt === 1 ? 'never' : 200);
  const run = await newReplay(engine);
  const stop = new AbortController();
  let openAtRelease: number | null = null;
  const watched = watchedDatabase(db, async ({ at }) => {
    if (at !== 'committed' || openAtRelease !== null) return;
    const rows = await db.rows(sql`select 1 from lane where run_id = ${run} and lease_released`);
    if (rows.length > 0) openAtRelease = engine.sink.open;
  });
  const working = runSlice(engine, run, { signal: stop.signal, timing: { drainMs: 300 }, db: watched });
  await engine.sink.arrived(30);
  stop.abort();
  expect(await working).toEqual({ kind: 'more' });
  expect(openAtRelease).toBe(0);
  expect(await countsOf(engine, run)).toEqual({ delivered: 29 }); // above the mark, too
  engine.sink.answer = () => 200;
  await runToEnd(engine, run);
  expect(await countsOf(engine, run)).toEqual({ delivered: 30 });
  expect(engine.sink.arrivals).toHaveLength(31);
  expect(engine.sink.of([slow])).toHaveLength(2);
});

test('a promise that is broken inside ends the slice by an error, not the process', async () => {
  const engine = await newEngine(db);
  await append(engine, turns(20));
  const run = await newReplay(engine);
  const sender = { ...(await senderOf(engine)), send: () => Promise.reject(new Error('a broken promise')) };
  await expect(runSlice(engine, run, { sender })).rejects.toThrow('a broken promise');
  await runToEnd(engine, run, { takesOver: true });
  expect(await countsOf(engine, run)).toEqual({ delivered: 20 });
});

test('connections to Postgres that break amid all of it cost neither an event nor a count', async () => {
  const engine = await newEngine(db, { settings: { concurrency: 8 } });
  const sent = await append(engine, turns(3_000, 300));
  engine.sink.answer = () => ({ status: 200, afterMs: 2 });
  const run = await newReplay(engine);
  let breaks = 0;
  const breaking = setInterval(() => {
    breaks++;
    void db
      .run(
        sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`,
      )
      .catch(() => undefined);
  }, 120);
  onTestFinished(() => clearInterval(breaking));
  const once = () => runSlice(engine, run, { takesOver: true }).catch(() => ({ kind: 'more' }));
  let end = await once();
  for (let slices = 0; end.kind === 'more' && slices < 10; slices++) end = await once();
  clearInterval(breaking);
  expect(breaks).toBeGreaterThan(3);
  // The last break may still be on its way, and hit what asks here.
  await vi.waitFor(async () => {
    expect(await countsOf(engine, run)).toEqual({ delivered: 3_000 });
    expect(await bitsOf(engine, run, engine.actions[0]!)).toEqual(sent.map(({ position }) => position));
  });
  expect(engine.sink.taken().size).toBe(3_000);
  expectOrder(engine, sent);
});

test('a stream that is killed goes on where it stood', async () => {
  const engine = await newEngine(db);
  const stream = await connect(engine);
  const sent = await append(engine, turns(200, 50));
  engine.sink.answer = () => ({ status: 200, afterMs: 10 });
  const victim = await newVictim(engine);
  const working = expect(runSlice(engine, stream, victim)).rejects.toThrow('killed');
  await engine.sink.arrived(80);
  victim.kill();
  await working;
  const before = engine.sink.arrivals.length;
  const more = await append(engine, turns(50, 50));
  await runToEnd(engine, stream, { takesOver: true });
  expect(engine.sink.taken().size).toBe(250);
  expect(await countsOf(engine, stream)).toEqual({ delivered: 250 });
  expect(engine.sink.arrivals.length).toBeLessThan(250 + before);
  expectOrder(engine, [...sent, ...more]);
  await vi.waitFor(() => expect(engine.sink.open).toBe(0));
});
