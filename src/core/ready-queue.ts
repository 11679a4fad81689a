import type { Task } from './lane-types.ts';

/**
 * Deliveries that may leave, the oldest event first, as the archive has them. In any other order users whose sessions
 * look alike would be sent in step, and an event of each that is refused for itself would look like an outage.
 * Those that an outage has tried stand behind the others, by the order in which they were, so that probes alternate.
 *
 * A binary heap: putting in and taking out cost the logarithm of its size.
 * Invariant: only a delivery that is in here has a `turn` above 0.
 */
export class ReadyQueue<E> {
  readonly #heap: Task<E>[] = [];

  get size(): number {
    return this.#heap.length;
  }

  get first(): Task<E> | undefined {
    return this.#heap[0];
  }

  push(task: Task<E>): void {
    this.#heap.push(task);
    this.#rise(this.#heap.length - 1);
  }

  shift(): Task<E> | undefined {
    return this.takeAt(0);
  }

  /** Takes out any one. @param place from 0 to below `size`, in no order */
  takeAt(place: number): Task<E> | undefined {
    const task = this.#heap[place];
    if (task === undefined) return undefined;
    const last = this.#heap.pop()!;
    if (task !== last) {
      this.#heap[place] = last;
      this.#sink(place);
      this.#rise(place);
    }
    task.turn = 0;
    return task;
  }

  /** An outage is over: all stand by age again. */
  forgetTurns(): void {
    for (const task of this.#heap) task.turn = 0;
    this.#heap.sort((a, b) => a.entry.position - b.entry.position);
  }

  #rise(from: number): void {
    const task = this.#heap[from]!;
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(task, this.#heap[parent]!)) break;
      this.#heap[place] = this.#heap[parent]!;
      place = parent;
    }
    this.#heap[place] = task;
  }

  #sink(from: number): void {
    const task = this.#heap[from]!;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#heap.length) break;
      if (child + 1 < this.#heap.length && isBefore(this.#heap[child + 1]!, this.#heap[child]!)) child++;
      if (!isBefore(this.#heap[child]!, task)) break;
      this.#heap[place] = this.#heap[child]!;
      place = child;
    }
    this.#heap[place] = task;
  }
}

function isBefore(a: Task<unknown>, b: Task<unknown>): boolean {
  return a.turn === b.turn ? a.entry.position < b.entry.position : a.turn < b.turn;
}
