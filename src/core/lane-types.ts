import type { Bits } from './coverage.ts';
import type { Bucket, Counts } from './counts.ts';
import type { Position } from './event.ts';
import type { Failure } from './outcome.ts';
import type { Samples } from './samples.ts';
import type { Settled } from './tally.ts';

/** An event of the lane as the slice offers it, with what has been decided without the destination. */
export interface Offered<E> {
  readonly position: Position;
  /** Milliseconds since 1970. */
  readonly receivedMs: number;
  /** Whose event it is: the order key when each user has an order of his own. */
  readonly orderKey: string;
  readonly event: E;
  /** The actions that it still has to go through. */
  readonly deliver: readonly string[];
  /** How it stands with the others. */
  readonly settled: readonly Settled[];
  /** Actions whose bit this run must set although it sends nothing (what another run delivered). */
  readonly have: readonly string[];
  readonly reason: string | null;
}

/** Deliveries of one event that wait in the database and whose turn has come. */
export interface Due<E> {
  readonly position: Position;
  /** As its rows have it. */
  readonly orderKey: string;
  readonly user: string;
  readonly event: E;
  readonly rest: Bucket | null;
  readonly deliveries: readonly {
    readonly actionId: string;
    readonly attempts: number;
    /** How often it has been set aside. */
    readonly rounds: number;
    /** Since its first failure, milliseconds; null: it stood behind another and was never tried. */
    readonly ageMs: number | null;
    /** Of its last failure, null: none is known. */
    readonly errorClass: string | null;
  }[];
}

/** One delivery in the hands of the lane. */
export interface Task<E> {
  readonly entry: Entry<E>;
  readonly actionId: string;
  /** Failed tries since the slice took it up. */
  tries: number;
  /** When the first of them failed, on the lane's clock. */
  triedSince: number | null;
  /** Failed tries in all. */
  attempts: number;
  /** How often it has been set aside. */
  rounds: number;
  /** On the lane's clock; null exactly when `attempts` is 0. */
  firstFailedAt: number | null;
  /** The last one, also of what speaks for the whole account. */
  failure: Failure | null;
  /** Its place among those that an outage has tried; 0: it is not one of them. */
  turn: number;
  /** The number of the last request that carried it. */
  request: number;
  /** Its last failure that was its own, and how many requests had left when it was heard. */
  failedAlone: { readonly errorClass: string; readonly requests: number } | null;
  /** It failed while the destination took others: that it fails again says nothing about the destination. */
  atFault: boolean;
  /** Deliveries that its next request may carry: halved when one that it shared fails as a whole, 1 when it was named. */
  most: number;
}

/** One event in the hands of the lane. Its lists are replaced, never changed: nearly all of them are empty or shared. */
export interface Entry<E> {
  readonly position: Position;
  /** Null for one that came from waiting rows. */
  readonly receivedMs: number | null;
  readonly orderKey: string;
  readonly user: string;
  /** Dropped once nothing of it has to be sent any more: the window may be long. */
  event: E | null;
  /** It came from waiting rows, not from the archive. */
  readonly due: boolean;
  /** Why nothing of it is sent, if nothing is. */
  reason: string | null;
  /** Of one that came from waiting rows: the bucket of its deliveries that ended before. */
  rest: Bucket | null;
  /** Of one that came from waiting rows: the deliveries whose rows still lie there. */
  rows: readonly Task<E>[];
  /** Deliveries neither settled nor set aside; the event is closed at 0, and never opens again. */
  open: number;
  /** How its other deliveries stand; once it is closed, those that wait are among them. */
  settled: readonly Settled[];
  /** Deliveries that become waiting rows when it closes. */
  asides: readonly Task<E>[];
}

/** A row of a delivery that waits. */
export interface WaitingRow {
  readonly position: Position;
  readonly actionId: string;
  readonly orderKey: string;
  readonly attempts: number;
  readonly rounds: number;
  /** Null: it stands behind an earlier event of its order key. */
  readonly dueInMs: number | null;
  readonly ageMs: number | null;
  readonly failure: Failure | null;
  readonly rest: Bucket | null;
}

export interface DeadRow {
  readonly position: Position;
  readonly actionId: string;
  readonly attempts: number;
  readonly ageMs: number;
  readonly failure: Failure;
}

/** Everything that changed since the last commit, to be written in one transaction. */
export interface LaneCommit {
  readonly mark: Position;
  readonly markReceivedAt: Date | null;
  readonly counts: Counts;
  /** Events that are settled above the mark: for readers, the next holder finds them out again. */
  readonly ahead: Counts;
  /** Up to where the archive has been read, for the next holder. */
  readonly readTo: Position;
  readonly bits: readonly { readonly actionId: string; readonly chunk: number; readonly bits: Bits }[];
  readonly waiting: readonly WaitingRow[];
  readonly ended: readonly { readonly position: Position; readonly actionId: string }[];
  readonly dead: readonly DeadRow[];
  /** Order keys whose first waiting row is now due, because what it stood behind has ended. */
  readonly promote: readonly string[];
  /** Order keys whose first waiting row is due before its time, because too many events stand behind it. */
  readonly hurry: readonly string[];
  /**
   * Deliveries of these events that failed so last are due before their time, if they have one: something shows, or waits
   * to show, whether they are at fault.
   */
  readonly callUp: readonly { readonly position: Position; readonly errorClass: string }[];
  /** All samples, null when none is new. */
  readonly samples: Samples | null;
}

/** Entries above the mark at most: those that are closed hold no event, so this is some megabytes. */
export const windowLimit = 20_000;

/** What a lane's row tells of how far it has come. */
export type LaneProgress = Pick<LaneCommit, 'mark' | 'counts' | 'ahead' | 'readTo'>;

export interface LaneOptions extends LaneProgress {
  readonly orderBy: 'user' | 'strict' | 'none';
  readonly actions: readonly string[];
  /** Deliveries per request. */
  readonly batchSize: number;
  /** Waiting rows of the lane by order key. */
  readonly waitingByKey: ReadonlyMap<string, number>;
  readonly samples?: Samples;
  readonly random: () => number;
  /** Whether a person has said that a refusal of this class is the event's own and says nothing of the destination. */
  readonly isOwnRefusal?: (errorClass: string) => boolean;
  readonly windowLimit?: number;
}
