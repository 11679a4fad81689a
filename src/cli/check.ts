/** How one thing stands. */
export interface Check {
  readonly name: string;
  readonly result: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** What helps; null when nothing has to. */
  readonly remedy: string | null;
}

/** Leases and times of events bear that much between clocks. */
const skewMs = 2_000;

/** It is as it should be. */
export const ok = (name: string, detail: string): Check => ({ name, result: 'ok', detail, remedy: null });
/** It works, and somebody should look. */
export const warn = (name: string, detail: string, remedy: string): Check => ({
  name,
  result: 'warn',
  detail,
  remedy,
});
/** It does not work. */
export const fail = (name: string, detail: string, remedy: string): Check => ({
  name,
  result: 'fail',
  detail,
  remedy,
});

/** Compares a clock with this machine's. @param granularityMs how coarsely the other clock was told */
export function clock(name: string, other: Date, granularityMs = 0): Check {
  const apart = Math.abs(other.getTime() - Date.now());
  const detail = `${(apart / 1_000).toFixed(1)} s apart from this machine's`;
  if (apart <= skewMs + granularityMs) return ok(name, detail);
  return warn(
    name,
    detail,
    'Let NTP set both clocks: times of events and ends of pauses are compared over machines.',
  );
}
