import type { LaneStanding } from './canary.ts';
import { countedEvents, noCounts, type Bucket } from './counts.ts';
import { setBit, type ChunkBits } from './coverage.ts';
import type { Position } from './event.ts';
import { Fifo } from './fifo.ts';
import type { DeadRow, Entry, LaneCommit, LaneProgress, WaitingRow } from './lane-types.ts';
import type { Failure } from './outcome.ts';
import type { TellsOf } from './tells-of.ts';
import { SampleBook, type Samples } from './samples.ts';
import { Tally, type Settled } from './tally.ts';

/**
 * What a lane has to write down. The window holds every event between the mark and what has been read; the mark
 * moves over its settled front, and only then are those events counted for good; what is settled ahead of the mark is
 * counted apart, because the next holder reads it again. Taking a commit empties everything but the window, so two
 * commits never carry the same thing and each is consistent in itself.
 *
 * An event of the window is open -> closed (settled, or waiting in rows) -> passed by the mark. One that waits ends
 * later: in the window it moves in what is counted ahead, behind the mark in what is counted for good.
 * Until a new holder has read as far as the last one had, his books are behind: they know less than what was told
 * last, so that is told again.
 *
 * Invariants: the mark never falls, and every event up to it is settled or has a row; it is the position before the
 * first open event, or what has been read when none is open; what is counted ahead are the closed events of the window.
 */
export class LaneBooks<E> {
  readonly #window = new Fifo<Entry<E>>();
  /** Events of the window that wait: their row may be worked off before the mark passes them. */
  readonly #waiting = new Map<Position, Entry<E>>();
  readonly #last: LaneProgress;
  readonly #tally: Tally;
  /** The closed events of the window. */
  readonly #ahead = new Tally(noCounts);
  #mark: Position;
  #markReceivedMs: number | null = null;
  #scannedTo: Position;
  #settled = 0;
  /** From here on: what happened since the last commit was taken. */
  #bits = new Map<string, ChunkBits>();
  #rows: WaitingRow[] = [];
  #ended: { position: Position; actionId: string }[] = [];
  #dead: DeadRow[] = [];
  #promote = new Set<string>();
  #hurry = new Set<string>();
  #callUp: LaneCommit['callUp'][number][] = [];
  readonly #samples: SampleBook;

  /** @param last what the last holder told */
  constructor(last: LaneProgress, samples: Samples = {}) {
    this.#samples = new SampleBook(samples);
    this.#last = last;
    this.#mark = last.mark;
    this.#scannedTo = last.mark;
    this.#tally = new Tally(last.counts);
  }

  get windowSize(): number {
    return this.#window.size;
  }

  get oldest(): Entry<E> | undefined {
    return this.#window.first;
  }

  /** Up to where the archive has been read. */
  get scannedTo(): Position {
    return this.#scannedTo;
  }

  /** The last holder had read further. */
  get isBehind(): boolean {
    return this.#scannedTo < this.#last.readTo;
  }

  /** How many events have been settled or set aside since the lane was taken. */
  get settled(): number {
    return this.#settled;
  }

  get standing(): LaneStanding {
    const ahead = this.#ahead.counts();
    return { counts: this.#tally.counts(), ahead, open: this.#window.size - countedEvents(ahead) };
  }

  scanned(to: Position): void {
    this.#scannedTo = to;
  }

  /** Takes an event into the window, in the order of positions. */
  enter(entry: Entry<E>): void {
    this.#window.push(entry);
  }

  /** An event of the window has nothing open any more: all its deliveries are settled or set aside. */
  closed(entry: Entry<E>): void {
    entry.event = null;
    this.#settled++;
    this.#ahead.count(entry.settled, entry.reason);
    if (entry.reason !== null) this.#samples.note(entry.reason, { position: entry.position });
    if (entry.settled.some((one) => one.bucket === 'waiting')) this.#waiting.set(entry.position, entry);
  }

  set(actionId: string, position: Position): void {
    let chunks = this.#bits.get(actionId);
    if (chunks === undefined) this.#bits.set(actionId, (chunks = new Map()));
    setBit(chunks, position);
  }

  wait(row: WaitingRow): void {
    this.#rows.push(row);
  }

  die(row: DeadRow): void {
    this.#dead.push(row);
  }

  promote(orderKey: string): void {
    this.#promote.add(orderKey);
  }

  /** What the destination said to an event that it took. @param tellsOf the events that it may tell of beside it */
  answered(position: Position, message: string, tellsOf: TellsOf | undefined): void {
    this.#sample('delivered', position, message, tellsOf);
  }

  /** An event could not be turned into a request. */
  invalid(position: Position, { errorClass, message, tellsOf }: Failure): void {
    this.#sample(`invalid: ${errorClass}`, position, message, tellsOf);
  }

  #sample(reason: string, position: Position, message: string, tellsOf: TellsOf | undefined): void {
    this.#samples.note(reason, { position, message, ...(tellsOf !== undefined && { tellsOf }) });
  }

  hurry(orderKey: string): void {
    this.#hurry.add(orderKey);
  }

  callUp(which: LaneCommit['callUp'][number]): void {
    this.#callUp.push(which);
  }

  /** A delivery that waited has ended. */
  endDelivery(position: Position, end: Settled): void {
    this.#ended.push({ position, actionId: end.actionId });
    const inWindow = this.#waiting.get(position);
    if (inWindow === undefined) return this.#tally.moveDelivery(end.actionId, end.bucket);
    this.#ahead.discount(inWindow.settled, inWindow.reason);
    inWindow.settled = inWindow.settled.map((one) => (one.actionId === end.actionId ? end : one));
    this.#ahead.count(inWindow.settled, inWindow.reason);
  }

  /** The last delivery of an event that waited has ended. */
  endEvent(position: Position, bucket: Bucket): void {
    if (!this.#waiting.has(position)) this.#tally.moveEvent(bucket);
  }

  /** Moves the mark as far as it goes and hands out all that must be written with it. */
  take(): LaneCommit {
    if (!this.isBehind) this.#advance();
    const bits = [...this.#bits].flatMap(([actionId, chunks]) =>
      [...chunks].map(([chunk, part]) => ({ actionId, chunk, bits: part })),
    );
    const commit = {
      ...(this.isBehind ? this.#last : this.#progress()),
      markReceivedAt: this.#markReceivedMs === null ? null : new Date(this.#markReceivedMs),
      bits,
      waiting: this.#rows,
      ended: this.#ended,
      dead: this.#dead,
      promote: [...this.#promote],
      hurry: [...this.#hurry],
      callUp: this.#callUp,
      samples: this.#samples.take(),
    };
    this.#bits = new Map();
    this.#rows = [];
    this.#ended = [];
    this.#dead = [];
    this.#promote = new Set();
    this.#hurry = new Set();
    this.#callUp = [];
    return commit;
  }

  #progress(): LaneProgress {
    const counts = this.#tally.counts();
    return { mark: this.#mark, counts, ahead: this.#ahead.counts(), readTo: this.#scannedTo };
  }

  #advance(): void {
    for (
      let entry = this.#window.first;
      entry !== undefined && entry.open === 0;
      entry = this.#window.first
    ) {
      this.#window.shift();
      this.#waiting.delete(entry.position);
      this.#ahead.discount(entry.settled, entry.reason);
      this.#tally.count(entry.settled, entry.reason);
      this.#markReceivedMs = entry.receivedMs;
    }
    const oldest = this.#window.first;
    this.#mark = oldest === undefined ? this.#scannedTo : oldest.position - 1;
  }
}
