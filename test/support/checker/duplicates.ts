import type { SinkLine } from '../ledger.ts';
import { isTaken, messageIdsOf, type FaultLine } from './evidence.ts';

/** Every how often what was settled is written down at least, and by how much a busy machine may be late with it. */
const commitMs = 1_000;
const busyMs = 500;
/** How long a request that had left may take to be read by the sink, and an answer by its sender. */
const transitMs = 300;
/** A commit may take nearly as long as a lease lasts, when the link to Postgres is slow or the machine overloaded. */
const slowCommitMs = 5_000;

/** How many events a fault made come twice, and how many it may have: those in flight and those not yet written down. */
export interface Repeats {
  readonly fault: FaultLine;
  readonly repeated: number;
  readonly bound: number;
}

/**
 * Judges every copy that was taken after a first one. A copy is explained when the sink itself broke off the answer to
 * the one before, or when a fault left that one in doubt; each fault explains one more copy of an event.
 */
export function judgeCopies(
  copies: ReadonlyMap<string, readonly SinkLine[]>,
  faults: readonly FaultLine[],
): { readonly unexplained: string[]; readonly repeats: Repeats[] } {
  const repeated = new Map<FaultLine, number>(faults.map((fault) => [fault, 0]));
  const unexplained = new Set<string>();
  for (const [messageId, lines] of copies) {
    const left = new Set(faults);
    for (const [index, copy] of lines.entries()) {
      const before = lines[index - 1];
      if (before === undefined || before.cut === 'after') continue;
      const cause = [...left].find((fault) => copy.at > fault.t0 && isInDoubt(before, fault, faults));
      if (cause === undefined) unexplained.add(messageId);
      else {
        left.delete(cause);
        repeated.set(cause, (repeated.get(cause) ?? 0) + 1);
      }
    }
  }
  const all = [...copies.values()].flat();
  const repeats = faults.map((fault) => ({
    fault,
    repeated: repeated.get(fault) ?? 0,
    bound: all.filter((line) => isInDoubt(line, fault, faults)).length,
  }));
  return { unexplained: [...unexplained], repeats };
}

/** What came of a request may be unknown to its sender because of a fault. */
function isInDoubt(line: SinkLine, fault: FaultLine, faults: readonly FaultLine[]): boolean {
  const doubt = doubtOf(fault);
  if (doubt === 'none' || !isTaken(line) || line.at > fault.t0 + transitMs) return false;
  if (fault.recorded !== undefined && messageIdsOf(line).every((id) => fault.recorded?.includes(id)))
    return false;
  if (line.answeredAt >= fault.t0 - transitMs) return true;
  // What had been written down is known, or else judged by how long a commit may have been ago.
  const usualMs = commitMs + busyMs + slownessAt(fault.t0, faults);
  const maxMs = fault.recorded === undefined ? usualMs : slowCommitMs;
  return doubt === 'uncommitted' && line.answeredAt >= fault.t0 - maxMs;
}

function slownessAt(time: number, faults: readonly FaultLine[]): number {
  const isSlow = faults.some(
    ({ kind, target, t0, t1 }) =>
      kind === 'slow' && target.endsWith('>postgres') && t0 <= time && t1 + slowCommitMs >= time,
  );
  return isSlow ? slowCommitMs : 0;
}

/**
 * What a fault leaves in doubt: nothing; what was in flight; or that and what was settled and not yet written down. A
 * process that is told to end writes everything down first, and the API and Temporal know of no delivery.
 */
function doubtOf({ kind, target }: FaultLine): 'none' | 'inFlight' | 'uncommitted' {
  if (kind === 'cut' && (target === 'sink' || target.endsWith('>sink'))) return 'inFlight';
  const hitsDelivery = /^(delivery|everything)/.test(target);
  if ((kind === 'kill' || kind === 'stop') && (hitsDelivery || target === 'postgres')) return 'uncommitted';
  if (kind === 'cut' && hitsDelivery && target.endsWith('>postgres')) return 'uncommitted';
  return 'none';
}
