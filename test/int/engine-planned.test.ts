import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ReplayRequest } from '../../src/core/replay-request.ts';
import { insertAction } from '../../src/db/actions.ts';
import { disableDestination } from '../../src/db/destination-state.ts';
import { readOpenRuns } from '../../src/db/open-runs.ts';
import { createReplay, setReplayDesired } from '../../src/db/replays.ts';
import { failRun } from '../../src/db/run-end.ts';
import { sql } from '../../src/db/sql.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  ask,
  connect,
  countsOf,
  destinationOf,
  newEngine,
  newReplay,
  runOf,
  runSlice,
  runToEnd,
  turns,
  type Engine,
} from '../support/engine.ts';
import { newVersions } from '../support/engine-hand-over.ts';
import { statusOf } from '../support/engine-waiting.ts';

const db = await testDatabase({ maxConnections: 30 });

/** Asks for a replay that waits if the destination is busy. @returns its run's id */
async function plan({ destinationId }: Engine, request: Record<string, unknown> = {}): Promise<string> {
  const id = randomUUID();
  const parsed = ReplayRequest.parse({ destinationId, ...request });
  const made = await db.transaction((tx) =>
    createReplay(tx, { id, destinationId, request: parsed, whenBusy: 'wait' }),
  );
  if (made.kind !== 'created') throw new Error(`no replay: ${made.kind}`);
  return id;
}

const isOpen = async (run: string) => (await readOpenRuns(db)).some(({ runId }) => runId === run);
const desiredOf = async (run: string) => (await runOf({ db }, run)).desired;

describe('a replay of a busy destination that may wait', () => {
  test('is planned, is nobody’s to work, and begins when the one before has ended', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(20));
    const first = await newReplay(engine, { range: { by: 'position', to: 10 } });
    const second = await plan(engine);
    expect((await ask(engine)).kind).toBe('replay_running');
    expect(await statusOf(engine, second)).toMatchObject({
      status: 'planned',
      statusReason: 'waits_for_replay',
    });
    expect(await isOpen(second)).toBe(false);
    expect(await runSlice(engine, second)).toEqual({ kind: 'unwanted', desired: 'planned' });
    await runToEnd(engine, first);
    expect(await isOpen(second)).toBe(true);
    expect(await runOf(engine, second)).toMatchObject({ desired: 'running', statusReason: null });
    expect((await runToEnd(engine, second)).endedAs).toBe('completed');
    const { delivered = 0, alreadyDelivered = 0 } = await countsOf(engine, second);
    expect({ first: (await countsOf(engine, first)).delivered, second: delivered, alreadyDelivered }).toEqual(
      { first: alreadyDelivered, second: 20 - alreadyDelivered, alreadyDelivered },
    );
    expect([...engine.sink.taken().values()].every((times) => times === 1)).toBe(true);
  });

  test('begins as if it had been asked for then: up to where the stream has come, with the actions of then', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(5));
    const stream = await connect(engine);
    const first = await newReplay(engine);
    const second = await plan(engine, { pace: { lanes: 2 } });
    const planned = await runOf(engine, second);
    await append(engine, turns(7), { live: false });
    await newVersions(engine);
    const [live] = await append(engine, ['u1']);
    const { id: newest } = (
      await db.rows<{ id: string }>(sql`
      select id from run where destination_id = ${engine.destinationId} and kind = 'stream' and ended_at is null`)
    )[0]!;
    expect(newest).not.toBe(stream);
    await runToEnd(engine, newest);
    await runToEnd(engine, first);
    const begun = await runOf(engine, second);
    expect(begun).toMatchObject({ toPosition: live!.position, actions: [{ version: 2 }] });
    expect(begun.toPosition).toBeGreaterThan(planned.toPosition!);
    await runToEnd(engine, second);
    expect(await countsOf(engine, second)).toEqual({ delivered: 7, alreadyDelivered: 6 });
  });

  test('does not set off what nobody has allowed: of new actions it uses those that do what it was asked for', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(1));
    const first = await newReplay(engine);
    const second = await plan(engine);
    const third = await plan(engine, { allowSideEffects: ['Action 0'] });
    const add = (name: string, action: string | null) =>
      insertAction(db, engine.destinationId, { name, action, trigger: null, mapping: {} });
    await add('Delete', 'deletePerson');
    await add('The same', null);
    await runToEnd(engine, first);
    const begun = await runOf(engine, second);
    const names = await db.rows<{ name: string }>(sql`
      select name from action where id = any(${begun.actions.map(({ actionId }) => actionId)}::uuid[]) order by name`);
    expect(names.map(({ name }) => name)).toEqual(['Action 0', 'The same']);
    await runToEnd(engine, second);
    expect((await runOf(engine, third)).actions).toEqual([{ actionId: engine.actions[0], version: 1 }]);
  });

  test('the oldest begins first, and one at a time', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(3));
    const runs = [await newReplay(engine), await plan(engine), await plan(engine)];
    for (const [index, run] of runs.entries()) {
      const desired = await Promise.all(runs.slice(index).map(desiredOf));
      expect(desired).toEqual(['running', ...runs.slice(index + 1).map(() => 'planned')]);
      await runToEnd(engine, run);
    }
    expect((await ask(engine)).kind).toBe('created');
  });

  test('can be cancelled before it begins, paused or not, and not resumed; what failed before it lets the next one begin', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(3));
    const [first, second, third] = [await newReplay(engine), await plan(engine), await plan(engine)];
    expect(await setReplayDesired(db, second, 'running')).toMatchObject({ kind: 'planned' });
    expect(await setReplayDesired(db, second, 'paused')).toMatchObject({ kind: 'changed' });
    expect(await setReplayDesired(db, second, 'paused')).toMatchObject({ kind: 'unchanged' });
    expect(await setReplayDesired(db, second, 'cancelled', 'enough')).toMatchObject({ kind: 'changed' });
    expect(await runOf(engine, second)).toMatchObject({ endedAs: 'cancelled', statusReason: 'enough' });
    expect(await setReplayDesired(db, second, 'cancelled')).toMatchObject({ kind: 'ended' });
    await db.transaction((tx) => failRun(tx, first, 'workflow_terminated'));
    expect(await desiredOf(third)).toBe('running');
  });

  test('begins paused when its destination wants no more events', async () => {
    const engine = await newEngine(db);
    await append(engine, turns(3));
    const [first, second] = [await newReplay(engine), await plan(engine)];
    await disableDestination(db, await destinationOf(engine), 'gone');
    await setReplayDesired(db, first, 'cancelled');
    await db.transaction((tx) => failRun(tx, first, 'gone'));
    expect(await statusOf(engine, second)).toMatchObject({
      status: 'paused',
      statusReason: 'destination_disabled',
    });
  });
});

test('asked for at the very moment at which the one before ends, it is never forgotten, nor do two run', async () => {
  const engine = await newEngine(db);
  await append(engine, turns(1));
  let running = await newReplay(engine);
  for (let round = 0; round < 25; round++) {
    const results = await Promise.all([
      plan(engine),
      db.transaction((tx) => failRun(tx, running, 'over')),
      ask(engine),
      plan(engine),
    ]);
    const open = await db.rows<{ id: string; desired: string }>(sql`
      select id, desired from run where destination_id = ${engine.destinationId} and ended_at is null order by number`);
    expect(open.filter(({ desired }) => desired === 'running')).toHaveLength(1);
    expect(['created', 'replay_running']).toContain(results[2].kind);
    running = open.find(({ desired }) => desired === 'running')!.id;
    for (const { id } of open) if (id !== running) await setReplayDesired(db, id, 'cancelled');
  }
});
