import { randomUUID } from 'node:crypto';
import { vi } from 'vitest';
import { ReplayRequest } from '../../src/core/replay-request.ts';
import type { Database } from '../../src/db/database.ts';
import type { DeadLetterChoice } from '../../src/db/dead-letter-holders.ts';
import { listDeadLetters } from '../../src/db/dead-letters.ts';
import { createReplay, setReplayDesired, type CreateReplay } from '../../src/db/replays.ts';
import { endRunIfDue } from '../../src/db/run-end.ts';
import { sql } from '../../src/db/sql.ts';
import { append, newEngine, newReplay, turns, type Engine } from './engine.ts';

/** A replay that is over and gave up on these events, by kind of failure. */
export async function withDead(db: Database, classes: readonly string[]) {
  const engine = await newEngine(db);
  const positions = (await append(engine, turns(classes.length))).map(({ position }) => position);
  const parent = await newReplay(engine);
  await cancel(engine, parent);
  await die(engine, parent, positions, classes);
  return { engine, positions, parent };
}

/** Letters of two kinds in turn. */
export const kinds = (count: number) => Array.from({ length: count }, (_, at) => (at % 2 === 0 ? 'a' : 'b'));
export const ofKind = (positions: readonly number[], kind: 'a' | 'b') =>
  positions.filter((_, at) => at % 2 === (kind === 'a' ? 0 : 1));

export async function die(
  { db, destinationId, actions }: Engine,
  run: string,
  positions: readonly number[],
  classes: readonly string[],
): Promise<void> {
  await db.run(sql`
    insert into dead_letter (id, run_id, destination_id, action_id, action_version, position, error_class, failure,
      attempts, first_failed_at)
    select gen_random_uuid(), ${run}, ${destinationId}, ${actions[0]}, 1, position, class, '{"message":"no"}', 1, now()
    from unnest(${[...positions]}::bigint[], ${[...classes]}::text[]) as dead (position, class)`);
}

/** Cancels a replay that nobody works. */
export async function cancel({ db }: Pick<Engine, 'db'>, run: string): Promise<void> {
  await setReplayDesired(db, run, 'cancelled');
  await db.transaction((tx) => endRunIfDue(tx, run));
}

/** Asks for a retry as the API does. @param windows how many there is time to mark before the answer; absent: all */
export async function retried(
  { db, destinationId }: Engine,
  choice: DeadLetterChoice = {},
  windows: number = Infinity,
): Promise<string> {
  const id = randomUUID();
  const request = ReplayRequest.parse({ destinationId, mode: 'failed', range: { by: 'position' } });
  let made: CreateReplay | undefined;
  let looks = 0;
  // It looks once when it begins, and before each window.
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => (looks++ > windows ? 60_000 : 0));
  try {
    await db.transaction(async (tx) => {
      made = await createReplay(tx, { id, destinationId, request, choice, whenBusy: 'wait' });
    });
  } finally {
    clock.mockRestore();
  }
  if (made?.kind !== 'created') throw new Error(`no replay: ${made?.kind}`);
  return id;
}

/** The positions whose letters a replay has marked, rising. */
export async function marked({ db }: Pick<Engine, 'db'>, run: string): Promise<number[]> {
  const rows = await db.rows<{ position: number }>(
    sql`select position from dead_letter where retried_by = ${run} order by position`,
  );
  return rows.map(({ position }) => position);
}

/** The positions whose letters are open, rising. */
export async function open({ db, destinationId }: Engine): Promise<number[]> {
  const letters = await listDeadLetters(db, { destinationId, open: true, limit: 10_000 });
  return letters.map(({ position }) => position).toSorted((a, b) => a - b);
}

/** A replay of all that is over at once. */
export async function overAtOnce({ db, destinationId }: Engine): Promise<string> {
  const id = randomUUID();
  const request = ReplayRequest.parse({ destinationId });
  await db.transaction((tx) => createReplay(tx, { id, destinationId, request, whenBusy: 'wait' }));
  await cancel({ db }, id);
  return id;
}
