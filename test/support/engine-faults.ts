import { vi } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { sql, type Queryable, type Statement } from '../../src/db/sql.ts';
import type { Sender } from '../../src/destinations/definition.ts';
import { senderOf, skippingClock, type Engine } from './engine.ts';

/** A moment at which a process may die, or be stopped, while it talks to Postgres. */
export interface Moment {
  /** Around a statement, around BEGIN and COMMIT; `committed`: it is done, but its caller does not know yet. */
  readonly at: 'begin' | 'before' | 'after' | 'commit' | 'committed';
  readonly text: string;
}

/** A database that tells of each moment; what the listener throws is what its caller sees, as after a lost connection. */
export function watchedDatabase(db: Database, onMoment: (moment: Moment) => void | Promise<void>): Database {
  const watched = (inner: Queryable): Queryable => {
    const around = async <T>(statement: Statement, work: () => Promise<T>) => {
      await onMoment({ at: 'before', text: statement.text });
      const result = await work();
      await onMoment({ at: 'after', text: statement.text });
      return result;
    };
    return {
      rows: (statement) => around(statement, () => inner.rows(statement)),
      run: (statement) => around(statement, () => inner.run(statement)),
    };
  };
  return {
    ...db,
    ...watched(db),
    transaction: async (work) => {
      await onMoment({ at: 'begin', text: '' });
      const result = await db.transaction(async (tx) => {
        const made = await work(watched(tx));
        await onMoment({ at: 'commit', text: '' });
        return made;
      });
      await onMoment({ at: 'committed', text: '' });
      return result;
    },
  };
}

/** A gate that whoever waits at it passes only while it is open. */
export function newGate(): { pass(): Promise<void>; close(): void; open(): void } {
  let closed: PromiseWithResolvers<void> | null = null;
  return {
    pass: () => closed?.promise ?? Promise.resolve(),
    close: () => {
      closed ??= Promise.withResolvers<void>();
    },
    open: () => {
      closed?.resolve();
      closed = null;
    },
  };
}

/** Waits until somebody waits for a lock in this database. */
export async function lockAwaited(db: Database): Promise<void> {
  await vi.waitFor(
    async () => {
      const waiting = await db.rows(sql`
        select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
      if (waiting.length === 0) throw new Error('nobody waits for a lock');
    },
    { timeout: 5_000, interval: 5 },
  );
}

/**
 * A worker that can be killed: from then on nothing of it reaches Postgres or the destination. `taken` are the events
 * that it was told are delivered.
 */
export async function newVictim(
  engine: Engine,
  onMoment: (moment: Moment) => void | Promise<void> = () => undefined,
) {
  const inner = await senderOf(engine);
  const taken: string[] = [];
  const sender: Sender = {
    ...inner,
    send: async (deliveries, gate) => {
      const outcomes = await inner.send(deliveries, gate);
      deliveries.forEach(({ event }, index) => {
        if (outcomes[index]!.kind === 'delivered') taken.push(event.messageId);
      });
      return outcomes;
    },
  };
  const clock = skippingClock();
  let dead = false;
  const db = watchedDatabase(engine.db, async (moment) => {
    if (!dead) await onMoment(moment);
    if (dead) throw new Error('killed');
  });
  const kill = () => {
    dead = true;
    void inner.close();
    clock.skip(60_000); // its commits are not tried again
  };
  return { db, sender, taken, now: clock.now, skip: clock.skip, kill };
}
