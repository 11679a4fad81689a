import { endRunIfDue, freeToEnd } from '../../src/db/run-end.ts';
import type { RunRecord } from '../../src/db/runs.ts';
import { sql } from '../../src/db/sql.ts';
import { changeStream, openStreamRun } from '../../src/db/streams.ts';
import type { Engine } from './engine.ts';

/** The actions of a destination get a new version each, and its stream is told. */
export async function newVersions({ db, destinationId, actions }: Engine): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.run(sql`
      insert into action_version (action_id, version)
      select action_id, max(version) + 1 from action_version where action_id = any(${[...actions]}::uuid[])
      group by action_id`);
    await changeStream(tx, destinationId);
  });
}

/** The destination takes other sources, and its stream is told. */
export async function takeSources(engine: Engine, sources: readonly string[] | null): Promise<void> {
  await engine.db.transaction(async (tx) => {
    await tx.run(sql`
      update destination set sources = ${sources === null ? null : [...sources]}::uuid[]
      where id = ${engine.destinationId}`);
    await changeStream(tx, engine.destinationId);
  });
}

/** The destination takes what another filter takes, and its stream is told. */
export async function takeFilter(engine: Engine, filter: string | null): Promise<void> {
  await engine.db.transaction(async (tx) => {
    await tx.run(sql`update destination set filter = ${filter} where id = ${engine.destinationId}`);
    await changeStream(tx, engine.destinationId);
  });
}

/** The open stretch of the destination's stream. */
export async function openOf({ db, destinationId }: Engine): Promise<RunRecord> {
  return (await openStreamRun(db, destinationId))!;
}

/** Ends, or hands over, what nobody holds any more, as the reconciler does. */
export async function endWhatIsFree({ db }: Engine): Promise<void> {
  for (const id of await freeToEnd(db)) await db.transaction((tx) => endRunIfDue(tx, id));
}
