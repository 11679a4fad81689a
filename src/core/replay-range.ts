import type { ReplayRange } from './replay-request.ts';

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/**
 * Makes the relative ends of a range ("30d") absolute, so that it selects the same events whenever it is read again.
 * @param now milliseconds since the epoch; what relative times count back from
 */
export function freezeRange(range: ReplayRange, now: number): ReplayRange {
  if (range.by === 'position') return range;
  return {
    by: range.by,
    ...(range.from !== undefined && { from: absolute(range.from, now) }),
    ...(range.to !== undefined && { to: absolute(range.to, now) }),
  };
}

/** A range measured one way, an end measured another. */
export type RangeFault = 'position_wanted' | 'time_wanted';

/**
 * A range with another end, frozen as above. @param to null: no end
 */
export function withEnd(
  range: ReplayRange,
  to: string | number | null,
  now: number,
): ReplayRange | RangeFault {
  if (range.by === 'position') {
    const { to: _, ...rest } = range;
    if (typeof to === 'string') return 'position_wanted';
    return to === null ? rest : { ...rest, to };
  }
  const { to: _, ...rest } = range;
  if (typeof to === 'number') return 'time_wanted';
  return to === null ? rest : { ...rest, to: absolute(to, now) };
}

/** Whether no event at all can lie in a frozen range because its ends stand the wrong way round. */
export function rangeIsEmpty(range: ReplayRange): boolean {
  if (range.from === undefined || range.to === undefined) return false;
  if (range.by === 'position') return range.from > range.to;
  return Date.parse(range.from) >= Date.parse(range.to);
}

function absolute(text: string, now: number): string {
  const relative = /^(\d+)([mhdw])$/.exec(text);
  if (relative === null) return new Date(text).toISOString();
  const [, count, unit] = relative;
  return new Date(now - Number(count) * unitMs[unit as keyof typeof unitMs]).toISOString();
}
