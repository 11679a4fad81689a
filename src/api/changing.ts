import type { Database } from '../db/database.ts';
import type { Queryable } from '../db/sql.ts';
import { isProblem, type Problem } from './problem.ts';

/** Takes the transaction back when its work refuses. */
class TakenBack extends Error {
  readonly refusal: Problem;
  constructor(refusal: Problem) {
    super(refusal.problem);
    this.refusal = refusal;
  }
}

/** Runs work in one transaction that commits what it made, and nothing when it refuses. */
export async function changing<Made>(
  db: Database,
  work: (tx: Queryable) => Promise<Made | Problem>,
): Promise<Made | Problem> {
  try {
    return await db.transaction(async (tx) => {
      const made = await work(tx);
      if (isProblem(made)) throw new TakenBack(made);
      return made;
    });
  } catch (error) {
    if (error instanceof TakenBack) return error.refusal;
    throw error;
  }
}
