import type { Schedule } from '../core/replay-schedule.ts';
import { nowMs } from './runs.ts';
import { sql, type Queryable } from './sql.ts';

/**
 * What is kept of a schedule that was asked for, by Postgres' time.
 * @returns later: it is to begin at a time that has not come
 */
export async function scheduleOf(
  db: Queryable,
  asked: Schedule | undefined,
): Promise<{ readonly schedule: Schedule | null; readonly later: boolean }> {
  if (asked?.startAt === undefined) return { schedule: asked ?? null, later: false };
  const [row] = await db.rows<{ now: number }>(sql`select ${nowMs} as now`);
  const startAt = new Date(asked.startAt);
  const later = startAt.getTime() > row!.now;
  const schedule = { ...asked, startAt: startAt.toISOString(), ...(!later && { startAtPassed: true }) };
  return { schedule, later };
}
