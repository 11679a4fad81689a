import type { Position } from '../core/event.ts';
import { archiveHead } from './archive/read.ts';
import type { Database } from './database.ts';
import { Listening } from './listening.ts';

const pollMs = 1_000;

/** The head of the archive as this process knows it: at most a second old, at once after an append. */
export interface HeadWatch {
  readonly head: Position;
  /** Calls `listener` whenever the head has risen. @returns what ends that */
  onRise(listener: () => void): () => void;
  close(): Promise<void>;
}

/**
 * Follows the archive's head by one LISTEN connection and a look each second, because a notification is lost while
 * the connection is. Keeps trying while Postgres is away.
 */
export function watchHead(db: Database): HeadWatch {
  const listeners = new Set<() => void>();
  let head: Position = 0;
  let closed = false;
  const rise = (to: Position) => {
    if (to <= head) return;
    head = to;
    for (const listener of listeners) listener();
  };
  const listening = new Listening(db, 'event_appended', (payload) => rise(Number(payload)));
  const look = async () => {
    await listening.keep();
    rise(await archiveHead(db));
  };
  let looking = look().catch(() => undefined);
  const timer = setInterval(() => {
    looking = looking.then(look).catch(() => undefined);
  }, pollMs);
  return {
    get head() {
      return head;
    },
    onRise(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      if (closed) return;
      closed = true;
      clearInterval(timer);
      await looking;
      listening.close();
    },
  };
}
