import type { Database } from './database.ts';

/** A connection that listens on a channel. It may break, and notifications with it: its owner looks for himself, too. */
export class Listening {
  readonly #db: Database;
  readonly #channel: string;
  readonly #onNotice: (payload: string) => void;
  #drop: ((error?: Error) => void) | null = null;

  constructor(db: Database, channel: string, onNotice: (payload: string) => void) {
    this.#db = db;
    this.#channel = channel;
    this.#onNotice = onNotice;
  }

  /** Listens if it does not. @throws when Postgres cannot be reached */
  async keep(): Promise<void> {
    if (this.#drop !== null) return;
    const client = await this.#db.pool.connect();
    const drop = (error?: Error) => {
      if (this.#drop !== drop) return;
      this.#drop = null;
      client.removeAllListeners('notification');
      client.release(error ?? true);
    };
    this.#drop = drop;
    client.once('error', drop);
    client.on('notification', ({ payload }) => this.#onNotice(payload ?? ''));
    await client.query(`listen ${this.#channel}`).catch(drop);
  }

  /** Gives the connection back. Nobody may be in `keep`. */
  close(): void {
    this.#drop?.();
  }
}
