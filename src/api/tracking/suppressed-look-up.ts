import type { Logger } from 'pino';
import type { IsSuppressed, UserIds } from '../../core/new-event.ts';
import type { Queryable } from '../../db/sql.ts';
import { suppressedAmong } from '../../db/suppressions.ts';
import { createGroupCommit, type Weight } from './group-commit.ts';
import type { Refusal } from './refusal.ts';

/** Tells which users of a request are suppressed, each as often as it brings something of theirs. */
export interface SuppressedLookUp {
  /** @returns null: none is; a refusal: it cannot be told now */
  of(users: readonly UserIds[]): Promise<IsSuppressed | null | Refusal>;
  /** Ends when all that was asked is answered. */
  close(): Promise<void>;
}

interface Question {
  readonly users: readonly UserIds[];
  answer: IsSuppressed | null;
}

/**
 * Asks Postgres, so that a suppression holds in every process from its commit on, and a million of them need no memory
 * here. One look-up is under way at a time; what is asked meanwhile shares the next one.
 */
export function openSuppressedLookUp(
  db: Queryable,
  limits: { readonly maxGroup: Weight; readonly maxWaiting: Weight },
  logger?: Pick<Logger, 'error'>,
): SuppressedLookUp {
  const questions = createGroupCommit<Question>({
    ...limits,
    weigh: ({ users }) => ({
      events: users.length,
      bytes: users.reduce(
        (sum, { userId, anonymousId }) => sum + lengthOf(userId) + lengthOf(anonymousId),
        0,
      ),
    }),
    commit: async (group) => {
      const answer = await suppressedAmong(
        db,
        group.flatMap(({ users }) => users),
      ).catch((error: unknown) => {
        logger?.error({ err: error }, 'who is suppressed could not be looked up, clients are asked to retry');
        throw error;
      });
      for (const question of group) question.answer = answer;
    },
  });
  return {
    of: async (users) => {
      const question: Question = { users, answer: null };
      const how = await questions.submit(question);
      if (how !== 'committed') return how === 'full' ? 'overloaded' : 'unavailable';
      return question.answer;
    },
    close: () => questions.close(),
  };
}

/** @returns as bytes in memory */
function lengthOf(id: string | null): number {
  return 2 * (id?.length ?? 0);
}
