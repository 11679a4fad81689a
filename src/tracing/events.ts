import type { Attributes, SpanContext } from '@opentelemetry/api';
import { beginSpan, contextOf, contextOfHeader, isTracing, type Span } from './tracing.ts';

/** What an event is known by on its way in and on its way out. */
interface Named {
  readonly sourceId: string;
  readonly messageId: string;
}

/** Of one request, or one request to a destination, so many events are traced at most. */
const tracedEvents = 100;

/**
 * An event's own trace: its ids come from source and messageId, so whoever delivers it, now or in a year, adds to the
 * trace that began when it came in, and nothing of it is stored.
 */
const contextOfEvent = ({ sourceId, messageId }: Named) => contextOf('event', sourceId, messageId);

/** One request with events, from its body on. */
export interface TracedRequest {
  /** Its events wait for a commit and are stored. */
  commit<T>(work: () => Promise<T>): Promise<T>;
  /** It is acknowledged: each event's own trace begins, with a link to the request. */
  stored(events: readonly Named[]): void;
  end(attributes: Attributes, failure?: string): void;
}

/** Traces a request to the tracking API. @param traceparent of its sender @returns null: nothing is traced */
export function traceRequest(traceparent: string | undefined): TracedRequest | null {
  if (!isTracing()) return null;
  const startTime = Date.now();
  const span = beginSpan('take events', { kind: 'server', parent: contextOfHeader(traceparent) });
  return {
    commit: async (work) => {
      const commit = span && beginSpan('commit events', { parent: span.context });
      try {
        return await work();
      } finally {
        commit?.end();
      }
    },
    stored: (events) => traceEvents(events, span, startTime),
    end: (attributes, failure) => span?.end(attributes, failure),
  };
}

/** The first span of each event's own trace: from when it was received until it was stored. */
function traceEvents(events: readonly Named[], request: Span | null, startTime: number): void {
  const links = request === null ? [] : [{ context: request.context }];
  for (const event of events.slice(0, tracedEvents)) {
    const as = contextOfEvent(event);
    const attributes = { 'reprise.source.id': event.sourceId };
    if (as !== null) beginSpan('event', { as, startTime, attributes, links })?.end();
  }
}

/** The stretch of work on a lane. All of a run are in one trace. */
export function traceSlice(run: {
  readonly runId: string;
  readonly destination: string;
  readonly kind: string;
  readonly lane: number;
}): Span | null {
  const { runId, destination, kind, lane } = run;
  const trace = contextOf('run', runId);
  if (trace === null) return null;
  const attributes = {
    'reprise.run.id': runId,
    'reprise.run.kind': kind,
    'reprise.destination.id': destination,
    'reprise.lane': lane,
  };
  return beginSpan('slice', { as: { traceId: trace.traceId }, attributes });
}

/** A delivery of each event of one request to a destination. @returns what ends them, each with its result; null: none is traced */
export function traceDeliveries(
  slice: Span | null,
  deliveries: readonly { readonly event: Named; readonly actionId: string; readonly attempt: number }[],
  attributes: Attributes,
): ((results: readonly string[]) => void) | null {
  const spans: [at: number, span: Span][] = [];
  for (const [at, { event, actionId, attempt }] of deliveries.slice(0, tracedEvents).entries()) {
    const parent: SpanContext | null = contextOfEvent(event);
    if (parent === null) continue;
    const own = { ...attributes, 'reprise.action.id': actionId, 'reprise.attempt': attempt };
    const links = slice === null ? [] : [{ context: slice.context }];
    const span = beginSpan('deliver', { kind: 'client', parent, attributes: own, links });
    if (span !== null) spans.push([at, span]);
  }
  if (spans.length === 0) return null;
  return (results) => {
    for (const [at, span] of spans) {
      const result = results[at] ?? 'unknown';
      const isGood = result === 'delivered' || result === 'unconfirmable';
      span.end({ 'reprise.result': result }, isGood ? undefined : result);
    }
  };
}
