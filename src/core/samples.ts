import type { Position } from './event.ts';
import type { TellsOf } from './tells-of.ts';

/** One event: what was wrong with it if anything was, or what the destination answered to it. */
export interface Sample {
  readonly position: Position;
  readonly message?: string;
  /** The events that left with it, itself among them; absent when it left alone. */
  readonly tellsOf?: TellsOf;
}

/** The first few events of each reason for which nothing was sent, and of those that were taken. */
export type Samples = Readonly<Record<string, readonly Sample[]>>;

const perReason = 5;
const reasonsKept = 50;

/** Gathers samples. After a crash what lies above the mark is read again, so an event that is known is not taken twice. */
export class SampleBook {
  #samples: Samples;
  #changed = false;

  constructor(samples: Samples) {
    this.#samples = samples;
  }

  note(reason: string, sample: Sample): void {
    const known = this.#samples[reason];
    if (known === undefined ? Object.keys(this.#samples).length >= reasonsKept : known.length >= perReason)
      return;
    if (known?.some(({ position }) => position === sample.position) === true) return;
    this.#samples = { ...this.#samples, [reason]: [...(known ?? []), sample] };
    this.#changed = true;
  }

  /** All samples if there are new ones since the last time, else null. */
  take(): Samples | null {
    const changed = this.#changed;
    this.#changed = false;
    return changed ? this.#samples : null;
  }
}

/** The samples of several lanes together as they are shown, lowest positions first. */
export function mergeSamples(list: readonly Samples[]): Record<string, Omit<Sample, 'tellsOf'>[]> {
  const merged: Record<string, Omit<Sample, 'tellsOf'>[]> = {};
  for (const samples of list)
    for (const [reason, some] of Object.entries(samples)) (merged[reason] ??= []).push(...some.map(shownOf));
  for (const some of Object.values(merged))
    some.splice(0, some.length, ...some.toSorted((a, b) => a.position - b.position).slice(0, perReason));
  return merged;
}

function shownOf({ position, message }: Sample): Omit<Sample, 'tellsOf'> {
  return message === undefined ? { position } : { position, message };
}
