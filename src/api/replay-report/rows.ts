import { buckets } from '../../core/counts.ts';
import type { ShownReport } from '../schemas/replay-report.ts';

/** One fact of a report: where it belongs, of what it is told, its name and its value. */
export type Fact = readonly [section: string, item: string, name: string, value: string | number | null];

/** A report as facts, in the order in which a person reads them. */
export function factsOf(report: ShownReport): Fact[] {
  return [
    ...replayFacts(report),
    ...countFacts(report),
    ...report.failures.flatMap(failureFacts),
    ...report.changes.flatMap(({ at, by, action, asked }): Fact[] => [
      ['change', at, action, by.name],
      ...(asked === undefined ? [] : [['change', at, 'asked', JSON.stringify(asked)] as const]),
    ]),
    ...report.timeline.flatMap(({ at, counts }) => factsOfCounts('timeline', at, counts)),
  ];
}

function replayFacts(report: ShownReport): Fact[] {
  const { replay, destination, createdBy, links } = report;
  const facts: Record<string, string | number | null> = {
    id: replay.id,
    label: replay.label,
    labels: replay.labels.join(', '),
    note: replay.note,
    status: replay.status,
    statusReason: replay.statusReason,
    final: String(report.final),
    reportedAt: report.reportedAt,
    destination: destination.name,
    destinationId: destination.id,
    destinationDeletedAt: destination.deletedAt,
    createdBy: createdBy?.name ?? null,
    createdAt: replay.createdAt,
    startedAt: replay.startedAt,
    endedAt: replay.endedAt,
    durationSeconds: report.durationSeconds,
    averageRate: report.averageRate,
    fromPosition: replay.range.fromPosition,
    toPosition: replay.range.toPosition,
    request: JSON.stringify(replay.request),
    deadLetters: links.deadLetters,
  };
  return Object.entries(facts).map(([name, value]) => ['replay', '', name, value]);
}

function countFacts({ replay, actions }: ShownReport): Fact[] {
  const { counts, byAction, reasons, samples } = replay;
  return [
    ['counts', '', 'selected', counts.selected],
    ...buckets.map((bucket): Fact => ['counts', '', bucket, counts[bucket]]),
    ['counts', '', 'remaining', counts.remaining],
    ...actions.map(({ actionId, name, version }): Fact => ['action', actionId, name ?? '', version]),
    ...Object.entries(byAction).flatMap(([id, part]) => factsOfCounts('byAction', id, part)),
    ...factsOfCounts('reason', '', reasons),
    ...Object.entries(samples).flatMap(([reason, some]) =>
      some.map(({ position, message }): Fact => ['sample', reason, String(position), message ?? null]),
    ),
  ];
}

function failureFacts({ errorClass, count, remedy, sample }: ShownReport['failures'][number]): Fact[] {
  const { message, request, response } = sample.failure;
  return [
    ['failure', errorClass, 'count', count],
    ['failure', errorClass, 'message', message],
    ['failure', errorClass, 'remedy', remedy],
    ['failure', errorClass, 'deadLetter', `/api/dead-letters/${sample.id}`],
    ['failure', errorClass, 'sent', request === undefined ? null : request.body],
    ['failure', errorClass, 'received', response === undefined ? null : response.body],
  ];
}

function factsOfCounts(
  section: string,
  item: string,
  counts: Readonly<Partial<Record<string, number>>>,
): Fact[] {
  return Object.entries(counts).map(([name, count]) => [section, item, name, count ?? 0]);
}
