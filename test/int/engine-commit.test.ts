import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { noCounts } from '../../src/core/counts.ts';
import type { LaneCommit } from '../../src/core/lane-types.ts';
import { commitLane, type LaneStanding } from '../../src/db/lane-commit.ts';
import { takeLane, type TakenLane } from '../../src/db/lane-lease.ts';
import { setReplayDesired } from '../../src/db/replays.ts';
import { sql } from '../../src/db/sql.ts';
import { noCommit } from '../support/commits.ts';
import { testDatabase } from '../support/database.ts';
import { append, ask, newEngine, newReplay, take, turns, type Engine, type Sent } from '../support/engine.ts';
import { lockAwaited, watchedDatabase, type Moment } from '../support/engine-faults.ts';

const db = await testDatabase();
const failure = { errorClass: 'http_500', message: 'The destination answered 500.', status: 500 };
const standing: LaneStanding = {
  state: 'held',
  reason: 'destination_down: http_500',
  wakeInMs: 3_600_000,
  holdMs: 4_000,
  heldForMs: 90_000,
  streaks: [{ errorClass: 'http_400', refused: true, positions: [3, 4] }],
  endings: { ended: 10, dead: { http_500: 2 } },
  rate: 12.5,
  revision: 1,
  suppressionRevision: 0,
  release: false,
};

interface Scene {
  readonly engine: Engine;
  readonly sent: readonly Sent[];
  readonly lane: TakenLane;
}

/** A taken lane of a replay of ten events of five users, two of which wait. */
async function newScene(lanes = 1): Promise<Scene> {
  const engine = await newEngine(db, { actions: 2 });
  const sent = await append(engine, turns(10, 5));
  const lane = await take(db, await newReplay(engine, { pace: { lanes } }));
  await commitLane(db, lane, { ...nothing, waiting: [row(engine, sent, 0), row(engine, sent, 1)] }, standing);
  return { engine, sent, lane };
}

const nothing = noCommit(0);

function row({ actions }: Engine, sent: readonly Sent[], index: number, dueInMs: number | null = 60_000) {
  const { position, userId } = sent[index]!;
  const orderKey = `u:${userId}`;
  const ids = { position, actionId: actions[0]!, orderKey };
  return { ...ids, attempts: 5, rounds: 1, dueInMs, ageMs: 1_000, failure, rest: 'delivered' } as const;
}

function bitsAt(...places: readonly number[]): Uint8Array {
  const bits = new Uint8Array(1_024);
  for (const place of places) bits[place >> 3]! |= 0x80 >> (place & 7);
  return bits;
}

/** A commit with something of every kind in it: the first waiting event has ended, one more of its user waits. */
function richCommit({ engine, sent }: Scene): LaneCommit {
  const [first, second] = engine.actions as [string, string];
  return {
    mark: sent[3]!.position,
    markReceivedAt: new Date('2026-01-02T03:04:05.678Z'),
    counts: { events: { delivered: 3, dead: 1 }, byAction: { [first]: { delivered: 4 } }, reasons: { x: 1 } },
    ahead: noCounts,
    readTo: 0,
    bits: [
      { actionId: first, chunk: 0, bits: bitsAt(1, 2, 8_191) },
      { actionId: first, chunk: 7, bits: bitsAt(0) },
      { actionId: second, chunk: 0, bits: bitsAt(4) },
    ],
    waiting: [row(engine, sent, 5, null), row(engine, sent, 2)],
    ended: [{ position: sent[0]!.position, actionId: first }],
    dead: [{ position: sent[4]!.position, actionId: second, attempts: 5, ageMs: 2_000, failure }],
    promote: [`u:${sent[5]!.userId}`],
    hurry: [],
    callUp: [{ position: sent[2]!.position, errorClass: 'http_500' }],
    samples: null,
  };
}

/** All that the scene's run has in the database, without times and the count of renewals. */
async function ledgerOf({ lane, engine }: Scene): Promise<unknown> {
  const values = [lane.runId, lane.runNumber, engine.destinationId];
  const text = `select jsonb_build_object(
      'lane', (select to_jsonb(l) - '{lease_renewals,lease_renewed_at,wake_at}'::text[] from lane l
        where run_id = $1 and lane = 0),
      'coverage', (select jsonb_agg(to_jsonb(c) - '{first_at,last_at}'::text[] order by action_id, chunk)
        from coverage c where run = $2),
      'waiting', (select jsonb_agg(to_jsonb(w) - '{due_at,first_failed_at}'::text[] || jsonb_build_object(
        'due', case when due_at is null then 'never' when due_at > clock_timestamp() then 'later' else 'now' end)
        order by position) from waiting_delivery w where run_id = $1),
      'dead', (select jsonb_agg(to_jsonb(d) - '{id,died_at,first_failed_at}'::text[]) from dead_letter d
        where run_id = $1 and destination_id = $3)) as ledger`;
  return (await db.pool.query<{ ledger: unknown }>(text, values)).rows[0]!.ledger;
}

/** Every moment of a rich commit, in order. */
async function momentsOf(): Promise<Moment[]> {
  const scene = await newScene();
  const moments: Moment[] = [];
  const watched = watchedDatabase(db, (moment) => void moments.push(moment));
  await commitLane(watched, scene.lane, richCommit(scene), standing);
  return moments;
}

describe('a commit', () => {
  test('done twice, or five times, is done once', async () => {
    const scene = await newScene();
    const before = await ledgerOf(scene);
    const commit = richCommit(scene);
    const { account, ...wanted } = await commitLane(db, scene.lane, commit, standing);
    const always = { ...wanted, account: { ...account, now: expect.any(Number) as number } };
    const once = await ledgerOf(scene);
    expect(once).not.toEqual(before);
    for (let time = 0; time < 4; time++)
      expect(await commitLane(db, scene.lane, commit, standing)).toEqual(always);
    expect(await ledgerOf(scene)).toEqual(once);
  });

  test('writes what it says: rows that wait, ended, died, and came due', async () => {
    const scene = await newScene();
    const { sent, engine } = scene;
    await commitLane(db, scene.lane, richCommit(scene), standing);
    expect(await ledgerOf(scene)).toMatchObject({
      lane: {
        mark: sent[3]!.position,
        state: 'held',
        hold_ms: 4_000,
        rate: 12.5,
        streaks: [{ errorClass: 'http_400', refused: true, positions: [3, 4] }],
        dead_by_class: { http_500: 1 },
        mark_received_at: '2026-01-02T03:04:05.678+00:00',
      },
      coverage: [{ chunk: expect.any(Number) }, { chunk: expect.any(Number) }, { chunk: expect.any(Number) }],
      waiting: [
        { position: sent[1]!.position, due: 'later' },
        { position: sent[2]!.position, due: 'now' }, // called up
        { position: sent[5]!.position, due: 'now' }, // what it stood behind has ended
      ],
      dead: [
        { position: sent[4]!.position, action_id: engine.actions[1], error_class: 'http_500', attempts: 5 },
      ],
    });
  });

  test('adds its bits to those that are there', async () => {
    const scene = await newScene();
    const [actionId] = scene.engine.actions as [string];
    for (const place of [0, 9, 8_191])
      await commitLane(
        db,
        scene.lane,
        { ...nothing, bits: [{ actionId, chunk: 3, bits: bitsAt(place) }] },
        standing,
      );
    const set = await db.rows<{ bit: number }>(sql`
      select bit from coverage, generate_series(0, 8191) as bit
      where action_id = ${actionId} and chunk = 3 and get_bit(bits, bit) = 1 order by bit`);
    expect(set.map(({ bit }) => bit)).toEqual([0, 9, 8_191]);
  });

  test('that breaks off at any moment has happened wholly or not at all, and done again it is done once', async () => {
    const moments = await momentsOf();
    expect(moments.length).toBeGreaterThan(15);
    for (const [index, moment] of moments.entries()) {
      const scene = await newScene();
      const commit = richCommit(scene);
      const before = await ledgerOf(scene);
      let at = -1;
      const breaking = watchedDatabase(db, () => {
        if (++at === index) throw new Error('the connection broke');
      });
      const where = `${moment.at} ${moment.text.trim().slice(0, 40)}`;
      await expect(commitLane(breaking, scene.lane, commit, standing), where).rejects.toThrow('broke');
      const left = await ledgerOf(scene);
      await commitLane(db, scene.lane, commit, standing);
      const after = await ledgerOf(scene);
      expect(after, where).not.toEqual(before);
      expect(left, where).toEqual(moment.at === 'committed' ? after : before);
    }
  });
});

describe('commits beside each other', () => {
  test('of two lanes that write the same chunks in opposite order neither waits for the other in a circle', async () => {
    const { engine, lane } = await newScene(2);
    const other = await take(db, lane.runId, 1);
    const [actionId] = engine.actions as [string];
    const chunk = (number: number, place: number) => ({ actionId, chunk: number, bits: bitsAt(place) });
    let second: Promise<unknown> = Promise.resolve();
    let begun = false;
    const first = watchedDatabase(db, async ({ at, text }) => {
      if (begun || at !== 'after' || !text.includes('coverage')) return;
      begun = true;
      second = commitLane(db, other, { ...nothing, bits: [chunk(6, 2), chunk(5, 2)] }, standing);
      second.catch(() => undefined);
      await lockAwaited(db);
    });
    await commitLane(first, lane, { ...nothing, bits: [chunk(5, 1), chunk(6, 1)] }, standing);
    await second;
    const rows = await db.rows<{ chunk: number; count: number }>(sql`
      select chunk, bit_count(bits)::int as count from coverage where action_id = ${actionId} order by chunk`);
    expect(rows).toEqual([
      { chunk: 5, count: 2 },
      { chunk: 6, count: 2 },
    ]);
  });

  test('and someone who takes the lane meanwhile do not wait for each other in a circle', async () => {
    const scene = await newScene();
    const { lane } = scene;
    const taking: Promise<{ kind: string }>[] = [];
    const slow = watchedDatabase(db, async ({ at }) => {
      if (taking.length > 0 || at !== 'after') return;
      // The lane's row is written; what follows refers to the run's.
      taking.push(takeLane(db, { runId: lane.runId, lane: 0, token: randomUUID(), stale: null }));
      taking[0]!.catch(() => undefined);
      await lockAwaited(db);
    });
    await commitLane(slow, lane, richCommit(scene), standing);
    expect(await taking[0]).toMatchObject({ kind: 'held' });
  });

  test('and someone who asks for the next replay do not wait for each other in a circle', async () => {
    const scene = await newScene();
    const { engine, lane } = scene;
    await setReplayDesired(db, lane.runId, 'cancelled'); // its holder still drains
    const asking: Promise<unknown>[] = [];
    const slow = watchedDatabase(db, async ({ at, text }) => {
      if (asking.length > 0 || at !== 'after' || !text.includes('coverage')) return;
      asking.push(ask(engine));
      await Promise.race([...asking, lockAwaited(db)]);
    });
    await commitLane(slow, lane, richCommit(scene), standing);
    expect(await Promise.all(asking)).toEqual([{ kind: 'replay_running', replayId: lane.runId }]);
  });
});
