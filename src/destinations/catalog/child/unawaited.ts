import { Outbox } from '../outbox.ts';
import type { Unawaited } from '../protocol.ts';

/**
 * Gathers rejections that nobody awaited: however many there are in one turn of the event loop, each definition's are told
 * as one, so that code that rejects in a loop is not told of in one.
 */
export class UnawaitedRejections {
  readonly #noted: Outbox<Pick<Unawaited, 'definition' | 'error'>>;

  constructor(tell: (unawaited: Unawaited) => void) {
    this.#noted = new Outbox((noted) => {
      for (const [definition, all] of Map.groupBy(noted, (one) => one.definition))
        tell({ definition, count: all.length, error: all[0]!.error });
    });
  }

  /** @param definition null: the promise belongs to none */
  note(definition: string | null, reason: unknown): void {
    const name: unknown = reason instanceof Error ? reason.name : typeof reason;
    this.#noted.post({ definition, error: typeof name === 'string' ? name.slice(0, 100) : 'Error' });
  }

  /** Tells what waits, now. */
  flush(): void {
    this.#noted.flush();
  }
}
