import type { Logger } from 'pino';
import type { Database } from '../db/database.ts';
import { readEngineFigures, type EngineFigures } from '../db/engine-figures.ts';
import { engine, postgresUp, temporalUp } from '../metrics/engine.ts';
import { onScrape } from '../metrics/registry.ts';
import type { Orchestrator } from '../temporal/orchestrator.ts';

/** For how long what was read is told again, however often it is asked for; milliseconds. */
const keepMs = 5_000;
/** A server that has not answered by then counts as away: a scrape has to end; milliseconds. */
const patienceMs = 3_000;

/**
 * Keeps the metrics of what stands in Postgres, and whether the servers answer, up to date when somebody asks for them.
 * @returns what ends that
 */
export function openEngineMetrics(deps: {
  readonly db: Database;
  readonly orchestrator: Pick<Orchestrator, 'check'>;
  readonly log: Pick<Logger, 'warn'>;
}): () => void {
  const { db, orchestrator, log } = deps;
  let readAt = -Infinity;
  let reading: Promise<void> | null = null;
  const figures = async () => {
    try {
      tell(await inTime(readEngineFigures(db)));
      postgresUp.set(1);
    } catch (error) {
      log.warn({ err: error }, 'the figures of the engine could not be read');
      forget();
      postgresUp.set(0);
    }
  };
  const temporal = async () => {
    const answers = await inTime(orchestrator.check()).then(
      () => true,
      () => false,
    );
    temporalUp.set(answers ? 1 : 0);
  };
  const read = async () => {
    await Promise.all([figures(), temporal()]);
    readAt = performance.now();
    reading = null;
  };
  return onScrape(async () => {
    if (performance.now() - readAt >= keepMs) await (reading ??= read());
  });
}

/** What is not known is told by no value, instead of by an old one. */
function forget(): void {
  for (const gauge of Object.values(engine)) gauge.reset();
}

function tell(figures: EngineFigures): void {
  forget();
  engine.head.set(figures.head);
  engine.databaseBytes.set(figures.databaseBytes);
  for (const { id, name } of figures.sources) engine.source.set({ source: id, name }, 1);
  const known = new Set<string>();
  for (const { id, name, type } of figures.destinations) {
    known.add(id);
    engine.destination.set({ destination: id, name, type }, 1);
    engine.down.set({ destination: id }, 0);
    engine.deadLetters.set({ destination: id }, figures.deadLetters.get(id) ?? 0);
  }
  for (const desired of ['running', 'paused', 'cancelled'] as const) engine.replays.set({ desired }, 0);
  for (const run of figures.runs) if (known.has(run.destinationId)) tellRun(run, figures);
}

function tellRun(run: EngineFigures['runs'][number], { head, lagSeconds }: EngineFigures): void {
  const { destinationId: destination, kind, desired, mark } = run;
  if (run.held) engine.down.set({ destination }, 1);
  engine.waiting.set({ destination, kind }, run.waiting);
  if (kind === 'stream') {
    engine.streamPaused.set({ destination }, desired === 'paused' ? 1 : 0);
    engine.streamLag.set({ destination }, Math.max(0, head - mark));
    engine.streamLagSeconds.set({ destination }, mark < head ? (lagSeconds.get(mark) ?? 0) : 0);
  } else {
    engine.replays.inc({ desired });
    engine.replayRemaining.set({ destination }, run.remaining);
    engine.replayRate.set({ destination }, desired === 'running' ? run.rate : 0);
  }
}

async function inTime<T>(question: Promise<T>): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer for ${patienceMs} ms`)), patienceMs);
  try {
    return await Promise.race([question, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
