import type { Position } from './event.ts';
import { Fifo } from './fifo.ts';
import type { Entry, Task } from './lane-types.ts';
import { ReadyQueue } from './ready-queue.ts';

/** An event with the deliveries of it that are to be sent. */
interface Turn<E> {
  readonly entry: Entry<E>;
  readonly tasks: readonly Task<E>[];
}

/**
 * The events of one order key. `active` are those whose deliveries may leave, oldest first: one, or several that
 * share a request. The others follow in order; the next starts when no active one is left.
 */
interface Chain<E> {
  readonly active: Entry<E>[];
  followers: Fifo<Turn<E>>;
}

/**
 * Which delivery may leave next so that a user's events arrive in order while users run side by side. An order key
 * with waiting rows is blocked: what comes later stands behind them.
 *
 * An event of a chain is
 *   follower  it has come and an older one is active -> active, when none is left or it shares the request of one
 *   active    its deliveries are ready or in flight, or wait for what LaneFailures decides -> follower, when one comes
 *             back that is not the chain's oldest; -> halted, when the oldest is set aside; -> released, when closed
 *   halted    active, but what comes back of it stands behind the one that was set aside, and it is released
 */
export class LaneOrder<E> {
  readonly #orderBy: 'user' | 'strict' | 'none';
  readonly #actions: readonly string[];
  readonly #ready: ReadonlyMap<string, ReadyQueue<E>>;
  /** By order key; one that is here has an active event. */
  readonly #chains = new Map<string, Chain<E>>();
  /** Rows that wait in the database or will with the next commit, by order key; none is there with zero. */
  readonly #waiting: Map<string, number>;
  readonly #halted = new Set<Entry<E>>();
  /** Whose turn it is: actions take turns, one request each. */
  #nextAction = 0;
  /** Of those that were put last in the present outage. */
  #lastTurn = 0;
  /** Deliveries in `#ready`, and in the turns of all followers. */
  #readyCount = 0;
  #followerCount = 0;
  /** Events of all chains that came from waiting rows. */
  #dueCount = 0;

  constructor(
    orderBy: 'user' | 'strict' | 'none',
    actions: readonly string[],
    waitingByKey: ReadonlyMap<string, number>,
  ) {
    this.#orderBy = orderBy;
    this.#actions = actions;
    this.#ready = new Map(actions.map((action) => [action, new ReadyQueue<E>()]));
    this.#waiting = new Map(waitingByKey);
  }

  /** Deliveries that could leave now. */
  get ready(): number {
    return this.#readyCount;
  }

  /** Deliveries that have not left. */
  get unsent(): number {
    return this.#readyCount + this.#followerCount;
  }

  /** Events from waiting rows that are in hand. */
  get dueOpen(): number {
    return this.#dueCount;
  }

  /** The events whose deliveries may leave or have left. */
  *active(): Iterable<Entry<E>> {
    for (const chain of this.#chains.values()) yield* chain.active;
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  keyOf(event: { position: Position; orderKey: string }): string {
    if (this.#orderBy === 'user') return event.orderKey;
    return this.#orderBy === 'strict' ? '*' : `#${event.position}`;
  }

  /** Whether earlier events of the key wait in the database. */
  isBlocked(orderKey: string): boolean {
    return this.#waiting.has(orderKey);
  }

  /** How many rows of a key wait. */
  waitingOf(orderKey: string): number {
    return this.#waiting.get(orderKey) ?? 0;
  }

  /** Rows of a key were added or ended. @returns how many are left */
  addWaiting(orderKey: string, by: number): number {
    const left = this.waitingOf(orderKey) + by;
    if (left < 0) throw new Error('fewer waiting rows than none');
    if (left === 0) this.#waiting.delete(orderKey);
    else this.#waiting.set(orderKey, left);
    return left;
  }

  /** Takes in an event behind the others of its key. */
  add(entry: Entry<E>, tasks: readonly Task<E>[]): void {
    if (entry.due) this.#dueCount++;
    const chain = this.#chains.get(entry.orderKey);
    if (chain === undefined) {
      this.#chains.set(entry.orderKey, { active: [entry], followers: new Fifo() });
      this.#makeReady(tasks);
    } else {
      chain.followers.push({ entry, tasks });
      this.#followerCount += tasks.length;
      if (chain.active.length === 0) this.#start(chain);
    }
  }

  /** Up to `limit` deliveries of one action; a user's next events may follow his first in the same request. */
  take(limit: number): Task<E>[] {
    for (let turn = 0; turn < this.#actions.length; turn++) {
      const queue = this.#ready.get(this.#actions[this.#nextAction++ % this.#actions.length]!)!;
      if (queue.size > 0) return this.#takeFrom(queue, limit);
    }
    return [];
  }

  /**
   * Any one delivery that could leave. A probe that always began with the oldest would take a destination for down for
   * as long as that one is refused, slice after slice. @param random uniform in [0, 1)
   */
  takeAny(random: number): Task<E>[] {
    let place = Math.floor(random * this.#readyCount);
    for (const queue of this.#ready.values()) {
      if (place >= queue.size) place -= queue.size;
      else {
        this.#readyCount--;
        return [queue.takeAt(place)!];
      }
    }
    return [];
  }

  /** A delivery comes back unsettled: it may leave again, after those of its key that are older. */
  putBack(task: Task<E>): void {
    if (!this.hasOlder(task.entry)) return this.#makeReady([task]);
    const chain = this.#chains.get(task.entry.orderKey)!;
    chain.active.splice(chain.active.indexOf(task.entry), 1);
    const turns: Turn<E>[] = [];
    while (
      chain.followers.first !== undefined &&
      chain.followers.first.entry.position < task.entry.position
    ) {
      turns.push(chain.followers.shift()!);
    }
    chain.followers.unshift({ entry: task.entry, tasks: [task] });
    for (const turn of turns.toReversed()) chain.followers.unshift(turn);
    this.#followerCount++;
    if (chain.active.length === 0) this.#start(chain);
  }

  /** Puts a delivery behind all others that are ready, so that probes alternate between events. */
  putLast(task: Task<E>): void {
    if (this.hasOlder(task.entry)) return this.putBack(task);
    task.turn = ++this.#lastTurn;
    this.#makeReady([task]);
  }

  /** The outage is over in which deliveries took turns. */
  endTurns(): void {
    if (this.#lastTurn === 0) return;
    this.#lastTurn = 0;
    for (const queue of this.#ready.values()) queue.forgetTurns();
  }

  /**
   * Whether an older event of the same key is not closed yet, as it may be within one request: under way, or come back
   * already to follow one that has been closed since.
   */
  hasOlder(entry: Entry<E>): boolean {
    const chain = this.#chains.get(entry.orderKey);
    if (chain?.active[0] !== entry) return true;
    return (chain.followers.first?.entry.position ?? Infinity) < entry.position;
  }

  /** Whether a later event of the same key waits for this one, in hand or in the database. */
  hasBehind(entry: Entry<E>): boolean {
    const chain = this.#chains.get(entry.orderKey);
    const inHand = chain !== undefined && (chain.followers.first !== undefined || chain.active.length > 1);
    return inHand || this.waitingOf(entry.orderKey) > entry.rows.length;
  }

  /** Whether an older event of the key, whose request it shared, was set aside: it may not leave a second time. */
  isHalted(entry: Entry<E>): boolean {
    return this.#halted.has(entry);
  }

  /** An event is closed: its key's next one starts. */
  release(entry: Entry<E>): void {
    const chain = this.#chains.get(entry.orderKey);
    const at = chain?.active.indexOf(entry) ?? -1;
    if (chain === undefined || at < 0) return;
    if (at === 0) chain.active.shift();
    else chain.active.splice(at, 1);
    if (this.#halted.size > 0) this.#halted.delete(entry);
    if (entry.due) this.#dueCount--;
    if (chain.active.length === 0) this.#start(chain);
    if (chain.active.length === 0) this.#chains.delete(entry.orderKey);
  }

  /** The oldest event of a key is set aside: takes out those that have not started. */
  halt(orderKey: string): Turn<E>[] {
    const chain = this.#chains.get(orderKey);
    if (chain === undefined) return [];
    for (const entry of chain.active) this.#halted.add(entry);
    const turns: Turn<E>[] = [];
    for (let turn = chain.followers.shift(); turn !== undefined; turn = chain.followers.shift()) {
      turns.push(turn);
      this.#followerCount -= turn.tasks.length;
      if (turn.entry.due) this.#dueCount--;
    }
    return turns;
  }

  #start(chain: Chain<E>): void {
    const turn = chain.followers.shift();
    if (turn === undefined) return;
    chain.active.push(turn.entry);
    this.#followerCount -= turn.tasks.length;
    this.#makeReady(turn.tasks);
  }

  #makeReady(tasks: readonly Task<E>[]): void {
    for (const task of tasks) this.#ready.get(task.actionId)!.push(task);
    this.#readyCount += tasks.length;
  }

  #takeFrom(queue: ReadyQueue<E>, limit: number): Task<E>[] {
    const batch: Task<E>[] = [];
    let most = limit;
    for (let task = queue.first; task !== undefined; task = queue.first) {
      const together = Math.min(most, task.most);
      if (batch.length >= together) break;
      most = together;
      queue.shift();
      this.#readyCount--;
      batch.push(task);
      if (this.#actions.length === 1) most = this.#joinFollowers(task.entry, batch, most);
    }
    return batch;
  }

  /** @returns how many deliveries the batch may hold now */
  #joinFollowers(first: Entry<E>, batch: Task<E>[], limit: number): number {
    const chain = this.#chains.get(first.orderKey)!;
    let most = limit;
    for (let turn = chain.followers.first; turn !== undefined; turn = chain.followers.first) {
      const together = turn.tasks.reduce((low, task) => Math.min(low, task.most), most);
      if (batch.length >= together) break;
      most = together;
      chain.followers.shift();
      chain.active.push(turn.entry);
      this.#followerCount -= turn.tasks.length;
      batch.push(...turn.tasks);
    }
    return most;
  }
}
