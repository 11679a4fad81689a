import { createHash } from 'node:crypto';
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Link,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  RandomIdGenerator,
  SamplingDecision,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { SamplerName } from './sampler-names.ts';
import { samplerOf } from './sampler.ts';

/** What a process traces with; nothing is traced before one of them is opened. */
interface Open {
  readonly tracer: Tracer;
  /** Whether a trace that begins with this id is kept. */
  readonly keeps: (traceId: string) => boolean;
}
let open: Open | null = null;

type Ids = Pick<SpanContext, 'traceId'> & Partial<Pick<SpanContext, 'spanId'>>;
/** Ids that the next span gets instead of random ones. */
let given: Ids | null = null;
const random = new RandomIdGenerator();
const ids = {
  generateTraceId: () => given?.traceId ?? random.generateTraceId(),
  generateSpanId: () => given?.spanId ?? random.generateSpanId(),
};

/**
 * Sends traces to the collector that OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT) names, by OTLP over HTTP; headers,
 * timeout and compression are those of the exporter's own variables. Source: opentelemetry.io, OTLP exporter configuration.
 * @returns what sends the last ones and ends it; null: tracing is off
 */
export function openTracing(options: {
  readonly on: boolean;
  readonly service: string;
  /** api or delivery: one service, several kinds of processes. */
  readonly role: string;
  readonly version: string;
  readonly sampler: SamplerName;
  readonly samplerArgument: number;
}): { close(): Promise<void> } | null {
  if (!options.on) return null;
  const sampler = samplerOf(options.sampler, options.samplerArgument);
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': options.service,
      'service.version': options.version,
      'reprise.role': options.role,
    }),
    sampler,
    idGenerator: ids,
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
  });
  open = {
    tracer: provider.getTracer('reprise', options.version),
    keeps: (traceId) =>
      sampler.shouldSample(ROOT_CONTEXT, traceId, '', SpanKind.INTERNAL, {}, []).decision ===
      SamplingDecision.RECORD_AND_SAMPLED,
  };
  return {
    close: async () => {
      open = null;
      await provider.shutdown().catch(() => undefined); // a collector that is away holds up nothing
    },
  };
}

/** Whether traces are sent to anybody. */
export function isTracing(): boolean {
  return open !== null;
}

/** Something that takes time. */
export interface Span {
  readonly context: SpanContext;
  end(attributes?: Attributes, failure?: string): void;
}

/** Begins a span, where tracing is on and the sampler keeps its trace. @param as the ids that it gets */
export function beginSpan(
  name: string,
  options: {
    readonly kind?: keyof typeof kinds;
    readonly parent?: SpanContext | null;
    readonly as?: Ids;
    /** Milliseconds since 1970; now unless said. */
    readonly startTime?: number;
    readonly attributes?: Attributes;
    readonly links?: readonly Link[];
  },
): Span | null {
  if (open === null) return null;
  const { kind = 'internal', parent, as, attributes = {}, links = [], ...when } = options;
  const context: Context = parent == null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
  given = as ?? null;
  const span = open.tracer.startSpan(
    name,
    { kind: kinds[kind], attributes, links: [...links], ...when },
    context,
  );
  given = null;
  if (!span.isRecording()) return null;
  return {
    context: span.spanContext(),
    end: (more = {}, failure) => {
      span.setAttributes(more);
      if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
      span.end();
    },
  };
}

const kinds = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER, client: SpanKind.CLIENT } as const;

/**
 * The context of something that several processes know by name: no row has to carry it from one to the other. null:
 * tracing is off, or its trace is not kept.
 */
export function contextOf(...name: readonly string[]): SpanContext | null {
  if (open === null) return null;
  const digest = createHash('sha256').update(name.join('\0')).digest('hex');
  const traceId = digest.slice(0, 32);
  if (!open.keeps(traceId)) return null;
  return { traceId, spanId: digest.slice(32, 48), traceFlags: TraceFlags.SAMPLED, isRemote: true };
}

/** Reads a caller's context. Source: w3.org/TR/trace-context, 3.2. @returns null: none, or none that is whole */
export function contextOfHeader(text: string | undefined): SpanContext | null {
  const [, traceId, spanId, flags] =
    /^(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/.exec(
      text ?? '',
    ) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true };
}
