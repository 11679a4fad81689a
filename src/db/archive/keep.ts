import { rejectedEvent, type NewEvent, type RejectedEvent } from '../../core/new-event.ts';
import type { Database } from '../database.ts';
import { appendEvents, type AppendOptions } from './append.ts';
import { rejectEvents } from './rejected.ts';

/** What became of events. */
export interface Kept {
  readonly appended: number;
  readonly duplicates: number;
  readonly rejected: number;
}

/**
 * Keeps all events: in the archive, or as rejected with the reason. When it returns, all of it has committed. An event
 * that the database refuses for its content is found by halving, so that it never takes its neighbours along.
 * @throws when Postgres is away; keeping the same again is then safe
 */
export async function keepEvents(
  db: Database,
  events: readonly NewEvent[],
  rejected: readonly RejectedEvent[],
  options: AppendOptions = {},
): Promise<Kept> {
  const kept = events.length === 0 ? nothingKept : await append(db, events, options);
  await rejectEvents(db, rejected);
  return sumKept(kept, { ...nothingKept, rejected: rejected.length });
}

export const nothingKept: Kept = { appended: 0, duplicates: 0, rejected: 0 };

async function append(db: Database, events: readonly NewEvent[], options: AppendOptions): Promise<Kept> {
  try {
    const { appended, duplicates, conflicts } = await appendEvents(db, events, options);
    return { appended, duplicates, rejected: conflicts };
  } catch (error) {
    if (!refusesContent(error)) throw error;
    return await appendHalves(db, events, options);
  }
}

async function appendHalves(
  db: Database,
  events: readonly NewEvent[],
  options: AppendOptions,
): Promise<Kept> {
  const [only] = events;
  if (events.length === 1 && only !== undefined) {
    const { rejected } = rejectedEvent('not_storable', only.raw, { messageId: only.messageId }, only);
    await rejectEvents(db, [rejected]);
    return { ...nothingKept, rejected: 1 };
  }
  const [first, second] = await inHalves(events, (half) => append(db, half, options));
  return sumKept(first, second);
}

/** Does to each half what failed for all, one after the other: so the row that the database refuses stands alone in the end. */
export async function inHalves<T, R>(
  rows: readonly T[],
  work: (half: readonly T[]) => Promise<R>,
): Promise<[R, R]> {
  const middle = Math.ceil(rows.length / 2);
  const first = await work(rows.slice(0, middle));
  return [first, await work(rows.slice(middle))];
}

/**
 * Classes of SQLSTATE that blame the data: data exception, program limit exceeded. Integrity violations are not among
 * them: here they mean that the archive itself is not as it should be, which no event can help.
 */
const contentClasses: ReadonlySet<string> = new Set(['22', '54']);

/** Whether the database refused what was to be stored for its content: one of the rows, not the archive, is at fault. */
export function refusesContent(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && code.length === 5 && contentClasses.has(code.slice(0, 2));
}

/** What became of both. */
export function sumKept(left: Kept, right: Kept): Kept {
  return {
    appended: left.appended + right.appended,
    duplicates: left.duplicates + right.duplicates,
    rejected: left.rejected + right.rejected,
  };
}
