import { randomUUID } from 'node:crypto';
import type { ConnectionClaim, ConnectionGrant } from '../core/concurrency.ts';
import { leaseMs } from '../core/lease.ts';

const renewMs = 1_000;
const retryMs = 200;

export interface ConnectionDeps {
  readonly kind: 'stream' | 'replay';
  readonly now: () => number;
  /** Writes a claim into the account's row; null: it could not be written now. */
  readonly claim: (claim: ConnectionClaim) => Promise<ConnectionGrant | null>;
  /** How many requests could be started beside those under way. */
  readonly wants: () => number;
  /** More may start. */
  readonly onMore: () => void;
}

/**
 * The requests that the lanes of one run in this process have under way, and how many the account lets them have.
 *
 * Invariant: `uses` <= `limit` <= `holds` for all that starts, and `holds` is in the account's row. To give some back,
 * the limit falls first; the row follows when no more than that are under way. What it holds lasts as long as a lease,
 * from the moment at which its claim was begun.
 */
export class RunConnections {
  readonly #deps: ConnectionDeps;
  readonly #id = randomUUID();
  #most: number | null = null;
  #uses = 0;
  #limit = 0;
  #holds = 0;
  /** What the last claim asked for. */
  #wanted = 0;
  #until = 0;
  #tight = false;
  #closed = false;
  #claiming = false;
  #again = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
  }

  /** Whether the account limits them. */
  get limited(): boolean {
    return this.#most !== null;
  }

  /** How many more may start now. */
  free(now: number): number {
    if (this.#most === null) return Number.POSITIVE_INFINITY;
    return now < this.#until ? Math.max(0, this.#limit - this.#uses) : 0;
  }

  /** @param most what the account bears at once; null: any number */
  obey(most: number | null): void {
    if (most === this.#most) return;
    this.#most = most;
    if (most === null) this.#deps.onMore();
    else this.claim();
  }

  start(): void {
    this.#uses++;
  }

  end(): void {
    this.#uses--;
    if (this.#most !== null) this.#giveBack();
  }

  /** Asks for what could be used, and renews what is. */
  claim(): void {
    if (this.#claiming) this.#again = true;
    else if (this.#most !== null) void this.#claim();
  }

  /** A lane waits because nothing is free: asks for more, unless it is known already that there is none. */
  claimMore(): void {
    const knownShort = this.#wanted > this.#holds && this.#deps.now() < this.#until;
    if (!knownShort && this.#uses + this.#deps.wants() > this.#holds) this.claim();
  }

  /** Gives everything back as soon as nothing is under way; what cannot be written runs out by itself. */
  close(): void {
    this.#closed = true;
    this.claim();
  }

  /** What another is short of and nobody here needs, or what is too much for the account. */
  #giveBack(): void {
    if (!this.#tight) return;
    this.#limit = Math.min(this.#limit, this.#uses + this.#deps.wants());
    if (this.#limit < this.#holds && this.#uses <= this.#limit) this.claim();
  }

  async #claim(): Promise<void> {
    clearTimeout(this.#timer);
    this.#claiming = true;
    this.#again = false;
    const begunAt = this.#deps.now();
    const wants = this.#uses + this.#deps.wants();
    this.#wanted = wants;
    if (wants === 0 || begunAt >= this.#until) this.#limit = this.#uses;
    const { kind } = this.#deps;
    const grant = await this.#deps.claim({
      id: this.#id,
      kind,
      wants,
      uses: Math.max(this.#uses, this.#limit),
    });
    this.#claiming = false;
    if (grant !== null) this.#take(grant, begunAt + leaseMs);
    if (this.#again) return this.claim();
    const needed = this.#uses > 0 || (!this.#closed && (this.#holds > 0 || this.#deps.wants() > 0));
    if (needed) this.#timer = setTimeout(() => this.claim(), grant === null ? retryMs : renewMs);
    if (this.free(this.#deps.now()) > 0) this.#deps.onMore();
  }

  #take({ holds, part, tight }: ConnectionGrant, until: number): void {
    this.#holds = holds;
    this.#limit = tight ? Math.min(holds, part) : holds;
    this.#until = until;
    this.#tight = tight;
    if (this.#limit < holds && this.#uses <= this.#limit) this.#again = true;
  }
}
