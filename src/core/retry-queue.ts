import type { Entry, Task } from './lane-types.ts';

/** Deliveries that wait for their next try within the slice, soonest first; those of one moment as they came. */
export class RetryQueue<E> {
  #items: { readonly at: number; readonly task: Task<E> }[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** When the soonest comes due; null when none waits. */
  get firstAt(): number | null {
    return this.#items[0]?.at ?? null;
  }

  add(task: Task<E>, at: number): void {
    const index = this.#items.findIndex((item) => item.at > at);
    this.#items.splice(index < 0 ? this.#items.length : index, 0, { at, task });
  }

  /** Takes out those whose time has come. */
  takeDue(now: number): Task<E>[] {
    const count = this.#items.findIndex((item) => item.at > now);
    return this.#items.splice(0, count < 0 ? this.#items.length : count).map((item) => item.task);
  }

  /** Takes out those of one event. */
  takeOf(entry: Entry<E>): Task<E>[] {
    const own = this.#items.filter((item) => item.task.entry === entry);
    if (own.length > 0) this.#items = this.#items.filter((item) => item.task.entry !== entry);
    return own.map((item) => item.task);
  }

  takeAll(): Task<E>[] {
    return this.#items.splice(0).map((item) => item.task);
  }
}
