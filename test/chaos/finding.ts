import {
  isTaken,
  judge,
  linesOf,
  recoveryMs,
  repeatsOf,
  type Evidence,
  type FaultLine,
  type Verdict,
} from '../support/checker.ts';
import { appendLine, type SinkLine, type SourceLine } from '../support/ledger.ts';
import type { Replay } from '../support/product.ts';
import type { Proxy } from '../support/proxy.ts';
import type { Sink } from '../support/sink.ts';
import { until } from '../support/until.ts';
import type { Polling } from './polling.ts';
import type { Stage } from './stage.ts';
import type { TransferOptions } from './transfer.ts';
import type { Writers } from '../support/writers.ts';

export interface Finding {
  readonly verdict: Verdict;
  readonly faults: readonly FaultLine[];
  readonly lines: readonly SinkLine[];
  /** What should have arrived: of the replay, of the stream. */
  readonly phases: readonly [SourceLine[], SourceLine[]];
  /** How the replay ended; null when it did not. */
  readonly replay: Replay | null;
  /** Everything that the replay's status gave as its reason meanwhile. */
  readonly reasons: readonly string[];
  /** From the end of each fault (or all together) to deliveries again in every run; milliseconds, null: never. */
  readonly recoveries: readonly (number | null)[];
  readonly repeats: readonly { readonly fault: string; readonly repeated: number; readonly bound: number }[];
}

/** What a transfer is made of. */
export interface Open {
  readonly options: TransferOptions;
  readonly sink: Sink;
  readonly link: Proxy;
  readonly destinationId: string;
  readonly replayId: string;
  readonly writers: Writers | null;
  readonly faults: readonly FaultLine[];
  readonly polls: Polling;
}

/** Deliveries that must lie on each side of a fault. */
export const enough = 25;
const endDeadlineMs = 150_000;
const openStatuses = new Set(['planned', 'running', 'pausing', 'paused', 'cancelling']);

/** Lets everything arrive, and judges it. */
export async function finish(open: Open): Promise<Finding> {
  const { options, sink, writers, faults, polls } = open;
  const { stage, past, name } = options;
  const replay = await ending(open);
  await writers?.stop();
  const live = writers?.acknowledged() ?? [];
  const phases: [SourceLine[], SourceLine[]] = [past.lines, live];
  const all = phases.flat();
  await until(
    'everything has arrived',
    () =>
      new Set(
        sink
          .lines()
          .filter(isTaken)
          .flatMap(({ messageId }) => messageId ?? []),
      ),
    (taken) => all.every(({ messageId }) => taken.has(messageId)),
    { deadlineMs: endDeadlineMs },
  ).catch(() => undefined); // what is missing is lost, and the verdict says so
  await until(
    'nothing is in flight',
    () => sink.state(),
    ({ received, answered }) => received === answered,
  );
  await polls.stop();
  const lines = sink.lines();
  const positions = await positionsOf(stage, live);
  const hits = options.hits === 'together' ? together(faults) : faults;
  const evidence: Evidence = {
    faults,
    polls: polls.polls,
    positions,
    hits: { faults: hits, deliveries: enough },
  };
  for (const { recorded: _, ...fault } of faults) appendLine(past.faultLog, { transfer: name, ...fault });
  await disconnect(open);
  return {
    verdict: judge(phases, lines, evidence),
    faults,
    lines,
    phases,
    replay,
    reasons: [...new Set(polls.polls.flatMap((poll) => poll.replay?.statusReason ?? []))],
    recoveries: hits.map((fault) => slowestRecovery(phases, lines, fault)),
    repeats: repeatsOf(lines, evidence).map(({ fault, repeated, bound }) => ({
      fault: fault.name,
      repeated,
      bound,
    })),
  };
}

/** One fault from the beginning of the first to the end of the last. */
function together(faults: readonly FaultLine[]): FaultLine[] {
  const [first] = faults.toSorted((a, b) => a.t0 - b.t0);
  if (first === undefined) return [];
  const name = faults.map((fault) => fault.name).join(' and ');
  return [{ ...first, name, t1: Math.max(...faults.map(({ t1 }) => t1)) }];
}

async function ending({ options, replayId }: Open): Promise<Replay | null> {
  const read = async () =>
    (await options.stage.call('GET', `/api/replays/${replayId}`).catch(() => null))?.body as Replay | null;
  const isSo = (replay: Replay | null) => replay?.status !== undefined && !openStatuses.has(replay.status);
  return await until('the replay ends', read, isSo, { deadlineMs: endDeadlineMs, everyMs: 100 }).catch(
    () => null,
  );
}

/** Of the runs that had something left; null when one of them has not recovered at all. */
function slowestRecovery(
  phases: readonly SourceLine[][],
  lines: readonly SinkLine[],
  fault: FaultLine,
): number | null {
  const times = phases
    .map((phase) => ({ phase, lines: linesOf(phase, lines) }))
    .filter(
      ({ phase, lines }) =>
        lines.filter((line) => isTaken(line) && line.at <= fault.t1).length < phase.length,
    )
    .map(({ lines }) => recoveryMs(lines, fault));
  return times.includes(null) ? null : Math.max(...times.map(Number));
}

async function positionsOf(stage: Stage, live: readonly SourceLine[]): Promise<Map<string, number>> {
  const rows = await stage.rows<{ message_id: string; position: string }>(
    'select message_id, position from event where message_id = any($1)',
    [live.map(({ messageId }) => messageId)],
  );
  return new Map(rows.map((row) => [row.message_id, Number(row.position)]));
}

/** Disconnects the destination. */
export async function disconnect({ options, destinationId, link, sink, polls }: Open): Promise<void> {
  await polls.stop();
  await options.stage.call('DELETE', `/api/destinations/${destinationId}`);
  await link.close();
  await sink.stop();
}
