import { setInterval } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { sql, type Queryable } from '../../src/db/sql.ts';

/** Plays a worker that holds a run's lanes and renews, deaf to what is wanted until `obey`. */
export async function holdLane(db: Queryable, runId: string): Promise<{ release(): Promise<void> }> {
  const stop = new AbortController();
  await beat(db, runId);
  const renewing = renew(db, runId, stop.signal);
  const release = async () => {
    stop.abort();
    await renewing;
    await db.run(sql`update lane set lease_released = true where run_id = ${runId}`);
  };
  onTestFinished(release);
  return { release };
}

/** The holder takes notice of the run's newest revision, as its next commit would. */
export async function obey(db: Queryable, runId: string): Promise<void> {
  await db.run(sql`
    update lane l set lease_revision = r.revision from run r where r.id = ${runId} and l.run_id = r.id`);
}

async function beat(db: Queryable, runId: string): Promise<void> {
  await db.run(sql`
    update lane set lease_released = false, lease_renewed_at = clock_timestamp(), lease_renewals = lease_renewals + 1
    where run_id = ${runId}`);
}

async function renew(db: Queryable, runId: string, stop: AbortSignal): Promise<void> {
  try {
    for await (const _ of setInterval(200, undefined, { signal: stop })) await beat(db, runId);
  } catch (error) {
    if (!stop.aborted) throw error;
  }
}
