import type { Agenda } from './agenda.ts';

/** A process: it has a clock of its own that only rises, may stand still for a while, and may die. */
export class SimWorker {
  readonly #agenda: Agenda;
  readonly #clockAhead: number;
  /** Users to whom nothing is sent, as far as it knows, and up to which change. */
  readonly suppressed = { users: new Set<string>() as ReadonlySet<string>, revision: 0 };
  #life = 0;
  #downUntil = 0;
  #frozenUntil = 0;

  constructor(agenda: Agenda, clockAhead: number) {
    this.#agenda = agenda;
    this.#clockAhead = clockAhead;
  }

  /** Its monotonic clock, which says nothing about anybody else's. */
  get now(): number {
    return this.#agenda.now + this.#clockAhead;
  }

  /** Whether it asks for work. */
  get polls(): boolean {
    return this.#agenda.now >= Math.max(this.#downUntil, this.#frozenUntil);
  }

  /** Reads who is suppressed, unless it knows more by now. */
  learns(read: { revision: number; users: ReadonlySet<string> }): void {
    if (read.revision > this.suppressed.revision) Object.assign(this.suppressed, read);
  }

  /** Its memory is lost, and all that it was about to do. */
  kill(downMs: number): void {
    this.#life++;
    this.suppressed.users = new Set();
    this.suppressed.revision = 0;
    this.#frozenUntil = 0;
    this.#downUntil = this.#agenda.now + downMs;
  }

  /** It stands still and then wakes up as if nothing had been: all that came due happens then. */
  freeze(forMs: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, this.#agenda.now + forMs);
  }

  /** Changes when it dies: what was begun in a life before never goes on. */
  get life(): number {
    return this.#life;
  }

  later(ms: number, run: () => void, life = this.#life): void {
    this.#agenda.after(ms, () => this.#do(life, run));
  }

  #do(life: number, run: () => void): void {
    if (life !== this.#life) return;
    const standsStill = this.#frozenUntil - this.#agenda.now;
    if (standsStill > 0) this.#agenda.after(standsStill, () => this.#do(life, run));
    else run();
  }
}
