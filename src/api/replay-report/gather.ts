import { countedEvents, sumCounts } from '../../core/counts.ts';
import { listAudit, type AuditRecord } from '../../db/audit/read.ts';
import { deadLetterClasses } from '../../db/dead-letters.ts';
import { actionNames } from '../../db/actions.ts';
import { destinationName, type DestinationName } from '../../db/destinations.ts';
import { countChanges, type Interval } from '../../db/lane-history.ts';
import type { RunRecord } from '../../db/runs.ts';
import { sql } from '../../db/sql.ts';
import type { ApiDeps } from '../deps.ts';
import { showFailureClass, showSeries } from '../schemas/counted.ts';
import type { ShownReport } from '../schemas/replay-report.ts';
import { showReplay } from '../schemas/replay.ts';

const mostClasses = 100;
const mostChanges = 500;
const hourMs = 3_600_000;
/** The audit log tells of a creation when it begins, shortly before the row of the replay is written. */
const creationMs = 300_000;

/** Everything that is known of a replay, as it stands now. */
export async function gatherReport(deps: ApiDeps, run: RunRecord): Promise<ShownReport> {
  const reportedAt = new Date();
  const times = timesOf(run, reportedAt);
  const { interval } = times;
  const [destination, names, audit, failures, timeline] = await Promise.all([
    destinationName(deps.db, run.destinationId),
    actionNames(
      deps.db,
      run.actions.map(({ actionId }) => actionId),
    ),
    changesOf(deps, run),
    deadLetterClasses(deps.db, { destinationId: run.destinationId, replayId: run.id }, mostClasses),
    countChanges(deps.db, sql`r.id = ${run.id}`, { from: null, to: null, interval }),
  ]);
  const creation = audit.find((change) => isCreation(change, run.id));
  return {
    reportedAt: reportedAt.toISOString(),
    final: run.endedAt !== null,
    replay: showReplay(run, deps.orchestrator),
    destination: showDestination(destination),
    createdBy: creation?.actor ?? null,
    changes: audit.filter((change) => change !== creation).map(showChange),
    actions: actionsOf(run, names),
    ...times,
    failures: failures.map(showFailureClass),
    timeline: showSeries(timeline),
    links: linksOf(run.id),
  };
}

function timesOf(
  run: RunRecord,
  now: Date,
): Pick<ShownReport, 'durationSeconds' | 'averageRate' | 'interval'> {
  if (run.startedAt === null) return { durationSeconds: null, averageRate: null, interval: 'hour' };
  const lastedMs = Math.max(0, (run.endedAt ?? now).getTime() - run.startedAt.getTime());
  const decided = countedEvents(sumCounts(run.lanes.map((lane) => lane.counts)));
  const averageRate = lastedMs === 0 ? null : Math.round((decided / lastedMs) * 10_000) / 10;
  return { durationSeconds: lastedMs / 1_000, averageRate, interval: intervalFor(lastedMs) };
}

function intervalFor(lastedMs: number): Interval {
  if (lastedMs < 3 * hourMs) return 'minute';
  return lastedMs < 72 * hourMs ? 'hour' : 'day';
}

/** What was done to a replay, oldest first. Its own creation is among it. */
async function changesOf({ db }: ApiDeps, { id, createdAt }: RunRecord): Promise<AuditRecord[]> {
  const from = new Date(createdAt.getTime() - creationMs);
  const all = await listAudit(db, { resource: `/api/replays/${id}`, from }, { limit: mostChanges });
  return all.filter(isDone).toReversed();
}

/** What Reprise does by itself is told once, when it is done. */
function isDone({ content, end }: AuditRecord): boolean {
  const status = end?.content.status;
  return content.route === undefined || (status !== undefined && status < 400);
}

function isCreation({ end }: AuditRecord, id: string): boolean {
  return end?.content.status === 201 && (end.content.after as { id?: unknown } | undefined)?.id === id;
}

function showChange({ at, actor, action, content }: AuditRecord): ShownReport['changes'][number] {
  return { at: at.toISOString(), by: actor, action, ...(hasAny(content.body) && { asked: content.body }) };
}

const hasAny = (body: unknown) => Object.keys(body ?? {}).length > 0;

function showDestination({ deletedAt, ...name }: DestinationName): ShownReport['destination'] {
  return { ...name, deletedAt: deletedAt?.toISOString() ?? null };
}

function actionsOf(run: RunRecord, names: ReadonlyMap<string, string>): ShownReport['actions'] {
  return run.actions.map(({ actionId, version }) => ({
    actionId,
    name: names.get(actionId) ?? null,
    version,
  }));
}

function linksOf(id: string): ShownReport['links'] {
  return {
    replay: `/api/replays/${id}`,
    deadLetters: `/api/dead-letters?replayId=${id}`,
    retryFailed: `/api/replays/${id}/retry-failed`,
  };
}
