import type { Job, JobAction, SentJob, ToChild, Work } from './protocol.ts';

/** So many different accounts and mappings a child knows at a time. */
const mostGiven = 256;

/**
 * What one child has been given. Accounts and mappings are the same for thousands of jobs: each goes to the child once, as
 * the object that it is, and jobs name it by a number.
 */
export class Given {
  /** The one used last stands last. */
  readonly #numbers = new Map<object, number>();
  readonly #post: (message: ToChild) => void;

  constructor(post: (message: ToChild) => void) {
    this.#post = post;
  }

  /** The job as the child is told it; what it does not know yet is posted first. */
  referred(job: Job): SentJob {
    const { work } = job;
    const account = this.#numberOf(job.account);
    if (work.kind !== 'one' && work.kind !== 'batch') return { ...job, account, work };
    const action = { ...work.action, mapping: this.#numberOf(work.action.mapping) };
    return { ...job, account, work: { ...work, action } };
  }

  #numberOf(value: object): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) {
      this.#numbers.delete(value);
      this.#numbers.set(value, known);
      return known;
    }
    const number = this.#free();
    this.#numbers.set(value, number);
    this.#post({ kind: 'given', number, json: JSON.stringify(value) });
    return number;
  }

  #free(): number {
    if (this.#numbers.size < mostGiven) return this.#numbers.size;
    const [oldest, number] = this.#numbers.entries().next().value!;
    this.#numbers.delete(oldest);
    return number;
  }
}

/** The child's side of it. */
export class Taken {
  readonly #values = new Map<number, { readonly json: string; shared?: unknown }>();

  take({ number, json }: Extract<ToChild, { kind: 'given' }>): void {
    this.#values.set(number, { json });
  }

  /** The job as it was meant. An account is made anew for each, as definitions write into settings; a mapping is read only. */
  jobOf({ account, work, ...job }: SentJob): Job {
    return {
      ...job,
      account: JSON.parse(this.#values.get(account)!.json) as Job['account'],
      work: this.#workOf(work),
    };
  }

  #workOf(work: SentJob['work']): Work {
    if (work.kind !== 'one' && work.kind !== 'batch') return work;
    const value = this.#values.get(work.action.mapping)!;
    value.shared ??= JSON.parse(value.json);
    const action = { ...work.action, mapping: value.shared as JobAction['mapping'] };
    return { ...work, action };
  }
}
