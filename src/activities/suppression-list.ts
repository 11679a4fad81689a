import type { ArchivedEvent } from '../core/event.ts';
import type { Queryable } from '../db/sql.ts';
import { readSuppressions } from '../db/suppressions.ts';
import { patiently, type Waiting } from './patience.ts';

/** Users to whom nothing is sent, as this process knows them; one list serves all its lanes. */
export class SuppressionList {
  readonly #db: Queryable;
  readonly #users = new Set<string>();
  readonly #anonymous = new Set<string>();
  #revision = 0;
  #reading: Promise<void> | null = null;

  constructor(db: Queryable) {
    this.#db = db;
  }

  /** Everything up to this revision is known. */
  get revision(): number {
    return this.#revision;
  }

  /** Whether an event is of a user to whom nothing may be sent, or is what is left of a deleted one. */
  has(event: Pick<ArchivedEvent, 'userId' | 'anonymousId' | 'raw'>): boolean {
    if (event.raw.length === 0) return true;
    if (this.#users.size + this.#anonymous.size === 0) return false;
    const { userId, anonymousId } = event;
    return (
      (userId !== null && this.#users.has(userId)) ||
      (anonymousId !== null && this.#anonymous.has(anonymousId))
    );
  }

  /** Reads on until a revision is known, however long Postgres is away. */
  async reach(revision: number, waiting: Waiting): Promise<void> {
    while (this.#revision < revision) {
      await patiently(async () => {
        this.#reading ??= this.#read().finally(() => (this.#reading = null));
        await this.#reading;
      }, waiting);
    }
  }

  async #read(): Promise<void> {
    const { revision, changed } = await readSuppressions(this.#db, this.#revision);
    for (const { userId, anonymousId, lifted } of changed) {
      if (userId !== null) change(this.#users, userId, lifted);
      if (anonymousId !== null) change(this.#anonymous, anonymousId, lifted);
    }
    this.#revision = revision;
  }
}

function change(ids: Set<string>, id: string, lifted: boolean): void {
  if (lifted) ids.delete(id);
  else ids.add(id);
}
