import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { insertDestination } from '../../src/db/destinations.ts';
import { sql } from '../../src/db/sql.ts';
import { openStream } from '../../src/db/streams.ts';
import {
  lift,
  listSuppressions,
  readSuppressions,
  suppress,
  suppressionHeard,
  type SuppressedId,
} from '../../src/db/suppressions.ts';
import { testDatabase } from '../support/database.ts';
import { holdLane } from '../support/lease.ts';

const db = await testDatabase();

const user = (userId: string): SuppressedId => ({ userId, anonymousId: null });
const forbid = (ids: SuppressedId[], reason: string | null = null) =>
  db.transaction((tx) => suppress(tx, { ids, reason }));
const allow = (id: string) => db.transaction((tx) => lift(tx, id));

describe('suppressing', () => {
  test('twice is once: the first one stays, and nobody has to hear of it again', async () => {
    const [first] = await forbid([user('twice')], 'asked for it');
    const [again, other, same] = await forbid([
      user('twice'),
      { userId: null, anonymousId: 'twice' },
      user('twice'),
    ]);
    expect(again).toEqual(first);
    expect(first).toMatchObject({ userId: 'twice', reason: 'asked for it', liftedAt: null });
    expect(other).toMatchObject({ userId: null, anonymousId: 'twice', revision: first!.revision + 1 });
    expect(same).toBeUndefined();
    expect((await readSuppressions(db, first!.revision)).changed).toEqual([
      { userId: null, anonymousId: 'twice', lifted: false },
    ]);
  });

  test('again after it was lifted is a new one, read after the lifting', async () => {
    const [first] = await forbid([user('again')]);
    const lifted = await allow(first!.id);
    expect(lifted!.liftedAt).not.toBeNull();
    expect(await allow(first!.id)).toEqual(lifted);
    const [second] = await forbid([user('again')]);
    expect(second!.id).not.toBe(first!.id);
    const read = await readSuppressions(db, first!.revision);
    expect(read.changed.map((change) => change.lifted)).toEqual([true, false]);
    expect(read.revision).toBe(second!.revision);
    expect(await readSuppressions(db, second!.revision)).toEqual({ revision: second!.revision, changed: [] });
  });

  test('who knows nothing yet is spared what was lifted', async () => {
    const [first] = await forbid([user('long ago')]);
    await allow(first!.id);
    const { changed } = await readSuppressions(db, 0);
    expect(changed).not.toContainEqual(expect.objectContaining({ userId: 'long ago' }));
    expect(changed).toContainEqual({ userId: 'twice', anonymousId: null, lifted: false });
  });

  test('what is not there cannot be lifted', async () => {
    expect(await allow(randomUUID())).toBeNull();
  });
});

test('one who reads on from the revision that he knows misses no change, however they overlap', async () => {
  const names = Array.from({ length: 24 }, (_, index) => `overlap-${index}`);
  let known = (await readSuppressions(db, 0)).revision;
  const heard = new Map<string, boolean>();
  const readOn = async () => {
    const read = await readSuppressions(db, known);
    known = read.revision;
    for (const change of read.changed) heard.set(change.userId!, !change.lifted);
  };
  const written = new AbortController();
  const reading = (async () => {
    while (!written.signal.aborted) await readOn();
  })();
  await Promise.all(
    names.map((name, index) =>
      db.transaction(async (tx) => {
        const [made] = await suppress(tx, { ids: [user(name), user(`${name}-too`)], reason: null });
        await tx.rows(sql`select pg_sleep(${(index % 5) / 200})`);
        if (index % 3 === 0) await lift(tx, made!.id);
      }),
    ),
  );
  written.abort();
  await reading;
  await readOn();
  expect(
    [...heard]
      .filter(([, suppressed]) => suppressed)
      .map(([name]) => name)
      .sort(),
  ).toEqual(
    names.flatMap((name, index) => (index % 3 === 0 ? [`${name}-too`] : [name, `${name}-too`])).sort(),
  );
});

test('the list goes on without skip or repeat, although many share a moment, and finds ids and what was lifted', async () => {
  const made = await forbid([user('a'), user('b'), user('c'), { userId: null, anonymousId: 'a' }]);
  await allow(made[1]!.id);
  const first = await listSuppressions(db, { limit: 3 });
  const rest = await listSuppressions(db, { after: first.at(-1)!.place, limit: 200 });
  const ids = [...first, ...rest].map((row) => row.id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.slice(0, 4).sort()).toEqual(made.map((row) => row.id).sort());
  expect(await listSuppressions(db, { userId: 'a', limit: 9 })).toMatchObject([{ id: made[0]!.id }]);
  expect(await listSuppressions(db, { anonymousId: 'a', limit: 9 })).toMatchObject([{ id: made[3]!.id }]);
  expect(await listSuppressions(db, { userId: 'b', lifted: false, limit: 9 })).toEqual([]);
  expect(await listSuppressions(db, { userId: 'b', lifted: true, limit: 9 })).toHaveLength(1);
});

describe('a change is heard', () => {
  const openLane = async () => {
    const id = randomUUID();
    const actions = [{ name: 'Send', action: null, trigger: null, mapping: {} }];
    const more = { sources: null, budget: {}, settingsSealed: '', enabled: true, actions };
    await insertDestination(db, { id, type: 'webhook', name: 'W', ...more });
    const stream = await db.transaction((tx) => openStream(tx, id));
    return 'runId' in stream ? stream.runId : '';
  };

  test('at once when no lane is held, else when each holder has confirmed it', async () => {
    const [ours, theirs] = [await openLane(), await openLane()];
    const [made] = await forbid([user('heard')]);
    expect(await suppressionHeard(db, made!.revision)).toBe(true);
    await holdLane(db, ours);
    const theirHold = await holdLane(db, theirs);
    expect(await suppressionHeard(db, made!.revision)).toBe(false);
    await db.run(sql`update lane set suppression_revision = ${made!.revision} where run_id = ${ours}`);
    expect(await suppressionHeard(db, made!.revision)).toBe(false);
    await theirHold.release();
    expect(await suppressionHeard(db, made!.revision)).toBe(true);
    expect(await suppressionHeard(db, made!.revision + 1)).toBe(false);
  });

  test('without those whose lease ran out: they send nothing any more', async () => {
    const runId = await openLane();
    const [made] = await forbid([user('stood still')]);
    const age = (seconds: number) =>
      db.run(sql`
      update lane set lease_released = false, lease_renewed_at = clock_timestamp() - make_interval(secs => ${seconds})
      where run_id = ${runId}`);
    await age(4);
    expect(await suppressionHeard(db, made!.revision)).toBe(false);
    await age(7);
    expect(await suppressionHeard(db, made!.revision)).toBe(true);
  });
});
