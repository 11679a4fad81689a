import { buckets } from '../../core/counts.ts';
import type { ShownReport } from '../schemas/replay-report.ts';

/** Of what was sent and what came back: as much as is read in a ticket. */
const shownLength = 600;
const mostIntervals = 48;

/** A report as Markdown, to be pasted into a ticket. Texts from outside stand as they are, not as markup. */
export function markdownOf(report: ShownReport): string {
  const sections = [
    heading(report),
    counts(report),
    byAction(report),
    reasons(report),
    failures(report),
    changes(report),
    timeline(report),
    `Dead letters: ${code(report.links.deadLetters)}`,
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function heading({ replay, destination, createdBy, final, ...report }: ShownReport): string {
  const standing = final
    ? 'It has ended.'
    : `It has not ended: this is how it stood at ${report.reportedAt}.`;
  const { fromPosition, toPosition } = replay.range;
  return `# Replay ${plain(replay.label ?? replay.id)}

**${plain(replay.status)}**${replay.statusReason === null ? '' : ` (${plain(replay.statusReason)})`}. ${standing}

${table(
  ['', ''],
  [
    ['Id', code(replay.id)],
    ['Destination', destinationText(destination)],
    ['Labels', replay.labels.map(plain).join(', ')],
    ['Note', plain(replay.note ?? '')],
    ['Asked for by', plain(createdBy?.name ?? '')],
    ['Created', replay.createdAt],
    ['Started', replay.startedAt ?? ''],
    ['Ended', replay.endedAt ?? ''],
    ['Duration', report.durationSeconds === null ? '' : `${Math.round(report.durationSeconds)} s`],
    ['Events decided per second', report.averageRate === null ? '' : String(report.averageRate)],
    ['Positions', `${fromPosition} to ${toPosition}`],
    ['Request', code(JSON.stringify(requestOf(replay)))],
  ].filter(([, value]) => value !== ''),
)}`;
}

function destinationText({ name, deletedAt }: ShownReport['destination']): string {
  return deletedAt === null ? plain(name) : `${plain(name)} (deleted ${deletedAt})`;
}

/** What was asked, without what stands beside it. */
function requestOf({ request }: ShownReport['replay']): object {
  const { label: _label, labels: _labels, note: _note, ...asked } = request;
  return asked;
}

function counts({ replay: { counts: all } }: ShownReport): string {
  const told = buckets.filter((bucket) => all[bucket] > 0).map((bucket) => [bucket, String(all[bucket])]);
  const rows = [
    ...told,
    ['remaining', String(all.remaining)],
    ['**selected**', `**${all.selected}**${all.selectedExact ? '' : ' (still being counted)'}`],
  ];
  return `## Events\n\n${table(['Bucket', 'Events'], rows)}`;
}

function byAction({ replay, actions }: ShownReport): string {
  const rows = actions.map(({ actionId, name, version }) => {
    const told = Object.entries(replay.byAction[actionId] ?? {}).map(([bucket, n]) => `${bucket} ${n}`);
    return [plain(name ?? actionId), String(version), told.join(', ')];
  });
  return `## Deliveries by action\n\n${table(['Action', 'Version', 'Deliveries'], rows)}`;
}

function reasons({ replay }: ShownReport): string {
  const names = [...new Set([...Object.keys(replay.reasons), ...Object.keys(replay.samples)])];
  if (names.length === 0) return '';
  const rows = names.map((name) => {
    const some = (replay.samples[name] ?? []).map(({ position, message }) =>
      message === undefined ? String(position) : `${position}: ${plain(message)}`,
    );
    return [plain(name), String(replay.reasons[name] ?? ''), some.join('; ')];
  });
  return `## Reasons and samples\n\n${table(['Reason', 'Events', 'Positions'], rows)}`;
}

function failures(report: ShownReport): string {
  if (report.failures.length === 0) return '';
  const parts = report.failures.map(({ errorClass, count, remedy, sample }) => {
    const { request, response, message } = sample.failure;
    const sent = request === undefined ? '' : `\n\nSent to ${code(request.url)}:\n\n${fenced(request.body)}`;
    const came =
      response === undefined || response.body === '' ? '' : `\n\nCame back:\n\n${fenced(response.body)}`;
    return `### ${plain(errorClass)}: ${count}\n\n${plain(message)}\n\n${remedy}${sent}${came}`;
  });
  return `## Failures\n\n${parts.join('\n\n')}`;
}

function changes(report: ShownReport): string {
  if (report.changes.length === 0) return '';
  const rows = report.changes.map(({ at, by, action, asked }) => [
    at,
    plain(by.name),
    plain(action),
    asked === undefined ? '' : code(JSON.stringify(asked)),
  ]);
  return `## What was done to it\n\n${table(['When', 'Who', 'What', 'Asked for'], rows)}`;
}

function timeline(report: ShownReport): string {
  const rows = report.timeline.map(({ at, counts: changed }) => [
    at,
    Object.entries(changed)
      .map(([bucket, count]) => `${bucket} ${count}`)
      .join(', '),
  ]);
  if (rows.length === 0) return '';
  const rest = rows.length - mostIntervals;
  const more = rest > 0 ? `\n\nThe first ${rest} intervals are left out here; JSON and CSV have them.` : '';
  return `## By ${report.interval}\n\n${table(['From', 'Change'], rows.slice(-mostIntervals))}${more}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A text as it is, in one line: nothing in it is markup, a mention or a link. */
function plain(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\\`*_{}[\]()<>#|~!]/g, String.raw`\$&`)
    .replaceAll(/[@:](?=\S)/g, '$&\u2060')
    .trim();
}

/** A text as code in one line; a bar would end its cell. */
function code(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').replaceAll('|', String.raw`\|`);
  const ticks = '`'.repeat(longestTicks(line) + 1);
  return line.includes('`') ? `${ticks} ${line} ${ticks}` : `${ticks}${line}${ticks}`;
}

function fenced(text: string): string {
  const cut = text.length > shownLength ? `${text.slice(0, shownLength)} …` : text;
  const fence = '`'.repeat(Math.max(3, longestTicks(cut) + 1));
  return `${fence}\n${cut}\n${fence}`;
}

function longestTicks(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((ticks) => ticks.length));
}
