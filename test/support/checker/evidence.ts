import type { SinkLine } from '../ledger.ts';

/** One disturbance, as its maker noted it; times in milliseconds since 1970. */
export interface FaultLine {
  readonly name: string;
  /** stop: SIGSTOP until SIGCONT · cut: connections reset, new ones refused · loseAnswers: reset instead of an answer */
  readonly kind: 'kill' | 'terminate' | 'stop' | 'cut' | 'loseAnswers' | 'slow' | 'answers' | 'forget';
  /** A process, a server, `sink`, or a link as `delivery>postgres`; `everything`: all processes. */
  readonly target: string;
  /** When it began, and when it was over: what was killed was started again, what was stopped went on. */
  readonly t0: number;
  readonly t1: number;
  /** The events that Reprise had written down as delivered when it was over: they must not be sent again. */
  readonly recorded?: readonly string[];
}

/** What the status API told at one moment. */
export interface PollLine {
  /** When its answer was there; milliseconds since 1970. */
  readonly at: number;
  /** Which of the phases the run delivers. */
  readonly phase: number;
  /** Of a replay. */
  readonly replay?: {
    readonly status: string;
    readonly statusReason?: string | null;
    readonly counts: Readonly<Record<string, number | boolean>>;
  };
  /** Of a stream: up to this position all is settled. */
  readonly cursor?: number;
}

/** What is known beside the two ledgers. */
export interface Evidence {
  readonly faults?: readonly FaultLine[];
  readonly polls?: readonly PollLine[];
  /** Where the archive has each event, to judge a stream's cursor by. */
  readonly positions?: ReadonlyMap<string, number>;
  /**
   * The moments that a transfer must have been under way at, with so many deliveries before and after; a run that has
   * none proves nothing.
   */
  readonly hits?: { readonly faults: readonly FaultLine[]; readonly deliveries: number };
}

/** The ids of the events in one request. */
export function messageIdsOf(line: SinkLine): string[] {
  if (line.messageId !== null) return [line.messageId];
  return eventsOf(line).map((event) => String(event['messageId']));
}

/** The events in one request: a batch is an array of them. */
export function eventsOf({ body }: SinkLine): Record<string, unknown>[] {
  const content = JSON.parse(body) as Record<string, unknown> | Record<string, unknown>[];
  return Array.isArray(content) ? content : [content];
}

/** The sink has the event: it answered 2xx in full, whether or not the sender was still there to hear it. */
export function isTaken(line: SinkLine): boolean {
  return line.answer >= 200 && line.answer < 300;
}
