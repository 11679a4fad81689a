import type { SinkLine } from '../ledger.ts';
import { isTaken, type FaultLine } from './evidence.ts';

/** How long all senders together may take to hear of an answer, and to hold back what they were about to send. */
const hearMs = 1_000;
/** After the end of a fault its effect may still come: what was in flight goes on for so long. */
const onsetMs = 1_000;

/** Faults that did not hit a transfer under way, or with too little before or after them: such a run proves nothing. */
export function vacuous(
  lines: readonly SinkLine[],
  hits: { readonly faults: readonly FaultLine[]; readonly deliveries: number } | undefined,
): string[] {
  const taken = lines.filter(isTaken);
  return (hits?.faults ?? []).flatMap(({ name, t0, t1 }) => {
    const inFlight = lines.filter(({ at, answeredAt }) => at <= t0 && answeredAt >= t0).length;
    const before = taken.filter(({ answeredAt }) => answeredAt < t0).length;
    const after = taken.filter(({ at }) => at > t1).length;
    const enough = inFlight > 0 && Math.min(before, after) >= (hits?.deliveries ?? 0);
    return enough ? [] : [`${name}: ${inFlight} in flight, ${before} before, ${after} after`];
  });
}

/** Requests that came inside a time for which the sink had asked for quiet, whichever run they are of. */
export function early(lines: readonly SinkLine[]): string[] {
  const windows = lines.flatMap(({ answeredAt, retryAfterSeconds }) =>
    typeof retryAfterSeconds === 'number'
      ? [{ from: answeredAt, to: answeredAt + retryAfterSeconds * 1_000 }]
      : [],
  );
  return lines.flatMap(({ seq, at }) => {
    const broken = windows.find(({ from, to }) => at > from + hearMs && at < to);
    return broken === undefined ? [] : [`request ${seq} came ${Math.round(broken.to - at)} ms too early`];
  });
}

/**
 * How long after the end of a fault deliveries came again: the end of the longest silence that the fault began. From its
 * beginning, if a delivery worker stood still: others are to take over before it goes on.
 * @param lines of one run
 * @returns milliseconds, null when nothing came any more
 */
export function recoveryMs(lines: readonly SinkLine[], fault: FaultLine): number | null {
  const from = fault.kind === 'stop' && fault.target.startsWith('delivery') ? fault.t0 : fault.t1;
  const times = lines
    .filter(isTaken)
    .map(({ at }) => at)
    .sort((a, b) => a - b);
  let longest = { gap: -1, end: null as number | null };
  for (const [index, at] of times.entries()) {
    const before = times[index - 1] ?? 0;
    if (at > from && before <= from + onsetMs && at - before > longest.gap)
      longest = { gap: at - before, end: at };
  }
  return longest.end === null ? null : longest.end - from;
}
