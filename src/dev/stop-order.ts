/** Something that was started and has to be stopped. */
export interface Stoppable {
  readonly stop: () => Promise<void>;
  /** Ends it at once, when a person does not want to wait for `stop`. */
  readonly cut?: () => void;
}

/** What stops first stands first: each place needs those after it until its own end. */
const places = ['processes', 'demo destination', 'temporal', 'postgres', 'lock'] as const;
export type Place = (typeof places)[number];

/** Thrown at whoever starts something while everything is being stopped. */
export class StoppingError extends Error {
  override readonly name = 'StoppingError';
}

/** What has been started so far, so that it can be stopped in the right order at any moment, also half-way. */
export class StopOrder {
  readonly #started = new Map<Place, Promise<Stoppable>[]>();
  #stopping: Promise<void> | null = null;
  #cut = false;

  /** Notes something that is being started; gives it back once it is. @throws StoppingError when it comes too late. */
  async add<T extends Stoppable>(place: Place, starting: T | Promise<T>): Promise<T> {
    const begun = Promise.resolve(starting);
    if (this.#stopping !== null) {
      await (await begun).stop();
      throw new StoppingError('everything is being stopped');
    }
    this.#started.set(place, [...(this.#started.get(place) ?? []), begun]);
    return begun;
  }

  /** Stops all of it. Asked again, gives back the same end. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopInOrder();
    return this.#stopping;
  }

  /** Does not wait any longer for what takes its time. */
  cutShort(): void {
    this.#cut = true;
    for (const starting of this.#started.values()) {
      for (const one of starting) void one.then((started) => started.cut?.()).catch(() => undefined);
    }
  }

  async #stopInOrder(): Promise<void> {
    for (const place of places) {
      const started = await Promise.allSettled(this.#started.get(place) ?? []);
      const running = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      const ends = running.map(async (one) => {
        const ending = one.stop();
        if (this.#cut) one.cut?.();
        await ending;
      });
      await Promise.allSettled(ends);
    }
  }
}
