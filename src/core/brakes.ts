import type { Health } from './health.ts';

/** How the deliveries of a lane ended of late, as it is kept between its slices. */
export interface Endings {
  /** Deliveries that ended, the last ones counting most: at most `windowSize`. */
  readonly ended: number;
  /** Those of them that died, by error class. */
  readonly dead: Readonly<Record<string, number>>;
}

export const noEndings: Endings = { ended: 0, dead: {} };

/** What is older than this many endings hardly counts any more. */
const windowSize = 1_000;
/** From so many deaths on their share is looked at. */
const deadBeforeRate = 50;
const deadShare = 0.5;
/** Deaths of one class among the last endings. */
const deadOfOneClass = 100;
/** For how long a replay is held before it pauses; milliseconds. */
const heldLimits = { destination_refuses: 120_000, unauthorized: 30_000 };

/**
 * Adds how deliveries ended. Each ending takes a thousandth of the weight of those before it.
 * @param taken deliveries that the destination took
 * @param died the error classes of those given up on
 */
export function addEndings(before: Endings, taken: number, died: readonly string[]): Endings {
  const count = taken + died.length;
  if (count === 0) return before;
  const fade = (1 - 1 / windowSize) ** count;
  const dead: Record<string, number> = {};
  for (const [errorClass, weight] of Object.entries(before.dead)) {
    if (weight * fade > 0.01) dead[errorClass] = weight * fade;
  }
  for (const errorClass of died) dead[errorClass] = (dead[errorClass] ?? 0) + 1;
  return { ended: Math.min(windowSize, before.ended * fade + count), dead };
}

/**
 * Why a replay should pause itself, null when it may go on: one failure over and over, half of everything given up on,
 * or a destination that refuses or takes no credentials for too long. A person who resumes it releases that brake.
 * @param released the reasons that were released
 * @param now on the clock of `health`
 */
export function brakeReason(
  endings: Endings,
  health: Health,
  now: number,
  released: readonly string[],
): string | null {
  const reasons = [heldTooLong(health, now), ...repeated(endings), tooManyDead(endings)];
  return reasons.find((reason) => reason !== null && !released.includes(reason)) ?? null;
}

/**
 * Whether refusals of a class are the events' own for a replay: who resumed it after it had paused for them has seen
 * what is refused, and wants the rest all the same. They become dead letters then instead of holding it.
 * @param released the reasons that were released
 */
export function isOwnRefusal(released: readonly string[], errorClass: string): boolean {
  const own = [`destination_refuses: ${errorClass}`, repeatedError(errorClass), 'error_rate'];
  return released.some((reason) => own.includes(reason));
}

function repeatedError(errorClass: string): string {
  return `repeated_error: ${errorClass}`;
}

function heldTooLong({ down }: Health, now: number): string | null {
  if (down === null || (down.reason !== 'destination_refuses' && down.reason !== 'unauthorized')) return null;
  return now - down.since >= heldLimits[down.reason] ? `${down.reason}: ${down.failure.errorClass}` : null;
}

function repeated({ dead }: Endings): string[] {
  const often = Object.entries(dead).filter(([, weight]) => weight >= deadOfOneClass);
  return often.map(([errorClass]) => repeatedError(errorClass));
}

function tooManyDead({ ended, dead }: Endings): string | null {
  const weight = Object.values(dead).reduce((sum, one) => sum + one, 0);
  return weight >= deadBeforeRate && weight >= deadShare * ended ? 'error_rate' : null;
}
