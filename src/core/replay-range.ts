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
    ...(range.from !== undefined && { from: momentOf(range.from, now) }),
    ...(range.to !== undefined && { to: momentOf(range.to, now) }),
  };
}

/** A range measured one way, an end measured another. */
export type RangeFault = 'position_wanted' | 'time_wanted';

/** New ends of a range; an absent one stays, null takes it away. */
export interface NewEnds {
  readonly from?: string | number | null;
  readonly to?: string | number | null;
}

/** A range with other ends, frozen as above. */
export function withEnds(range: ReplayRange, ends: NewEnds, now: number): ReplayRange | RangeFault {
  const { from, to } = ends;
  if (range.by === 'position') {
    if (typeof from === 'string' || typeof to === 'string') return 'position_wanted';
    return { by: range.by, ...kept('from', range.from, from), ...kept('to', range.to, to) };
  }
  if (typeof from === 'number' || typeof to === 'number') return 'time_wanted';
  const next = { by: range.by, ...kept('from', range.from, from), ...kept('to', range.to, to) };
  return freezeRange(next, now);
}

function kept<Name extends 'from' | 'to', End>(
  name: Name,
  before: End | undefined,
  wanted: End | null | undefined,
) {
  const end = wanted === undefined ? before : (wanted ?? undefined);
  return (end === undefined ? {} : { [name]: end }) as { readonly [Key in Name]?: End };
}

/** Whether no event at all can lie in a frozen range because its ends stand the wrong way round. */
export function rangeIsEmpty(range: ReplayRange): boolean {
  if (range.from === undefined || range.to === undefined) return false;
  if (range.by === 'position') return range.from > range.to;
  return Date.parse(range.from) >= Date.parse(range.to);
}

/** Whether a frozen range begins when nothing can have been received yet. @param latest milliseconds since the epoch */
export function beginsTooLate({ by, from }: ReplayRange, latest: number): boolean {
  return by === 'received' && from !== undefined && Date.parse(from) >= latest;
}

/** A moment in RFC 3339, UTC, of one in RFC 3339 or of a time before now ("30d"). @param now milliseconds since the epoch */
export function momentOf(text: string, now: number): string {
  const relative = /^(\d+)([mhdw])$/.exec(text);
  if (relative === null) return new Date(text).toISOString();
  const [, count, unit] = relative;
  return new Date(now - Number(count) * unitMs[unit as keyof typeof unitMs]).toISOString();
}
