import type { Replay } from './shapes.ts';
import { columnsOf, count, cut, duration, plain } from './texts.ts';

const fullBar = 20;
const smallBar = 10;

/** Statuses in which nothing changes any more. */
export const endings: readonly string[] = ['completed', 'completed_with_failures', 'cancelled', 'failed'];

/** How much of what is selected is decided, from 0 to 1. */
export function part({ counts }: Replay): number {
  return counts.selected === 0
    ? counts.selectedExact
      ? 1
      : 0
    : (counts.selected - counts.remaining) / counts.selected;
}

/** It has FQL: unless `selected` is exact, it is an estimate. */
export function asksEvents({ request: { filter, exclude } }: Replay): boolean {
  return filter?.fql !== undefined || exclude?.fql !== undefined;
}

/**
 * How a replay stands, on one line no longer than `width`: what matters least is left out first.
 * @param bar false where the line is not drawn over
 */
export function progressLine(replay: Replay, width: number, bar = true): string {
  const { counts, status, statusReason, rate, etaSeconds } = replay;
  const done = part(replay);
  const percent = `${String(Math.floor(done * 100)).padStart(3)}%`;
  const reason = statusReason === null ? '' : `: ${plain(statusReason)}`;
  const stands = status === 'running' && reason === '' ? '' : `${status}${reason}`;
  // From what must stay to what may go.
  const pieces: readonly [order: number, text: string][] = [
    [5, replay.id.slice(0, 8)],
    [0, percent],
    [
      1,
      `${count(counts.selected - counts.remaining)}/${counts.selectedExact ? '' : asksEvents(replay) ? '≈' : '≥'}${count(counts.selected)}`,
    ],
    [2, stands],
    [4, `${rate.toLocaleString('en')}/s`],
    [7, `ok ${count(counts.delivered + counts.unconfirmable)}`],
    [6, counts.waiting === 0 ? '' : `retrying ${count(counts.waiting)}`],
    [3, counts.dead === 0 ? '' : `failed ${count(counts.dead)}`],
    [8, etaSeconds === null ? '' : `ETA ${duration(etaSeconds)}`],
  ];
  const forBar = bar && width >= 2 * smallBar + 2 ? smallBar + 2 : 0;
  const kept = fitting(pieces, width - forBar);
  const text = kept.join('  ');
  const room = width - columnsOf(text) - 2;
  const drawn = !bar || room < smallBar ? '' : barOf(done, room < fullBar ? smallBar : fullBar);
  return cut(drawn === '' ? text : `${drawn}  ${text}`, width);
}

function fitting(pieces: readonly (readonly [order: number, text: string])[], width: number): string[] {
  const there = pieces.filter(([, text]) => text !== '');
  const length = (some: typeof there) => some.reduce((sum, [, text]) => sum + columnsOf(text) + 2, -2);
  let kept = there;
  while (kept.length > 1 && length(kept) > width) {
    const last = Math.max(...kept.map(([order]) => order));
    kept = kept.filter(([order]) => order !== last);
  }
  return kept.map(([, text]) => text);
}

function barOf(done: number, width: number): string {
  const filled = Math.floor(Math.min(1, Math.max(0, done)) * width);
  return '█'.repeat(filled) + '░'.repeat(width - filled);
}

/** How a replay ended, or how it stands, in one sentence. */
export function summary(replay: Replay): string {
  const { counts, status, startedAt, endedAt } = replay;
  const took =
    startedAt === null || endedAt === null
      ? ''
      : ` in ${duration((Date.parse(endedAt) - Date.parse(startedAt)) / 1_000)}`;
  const rest: readonly [number, string][] = [
    [counts.alreadyDelivered, 'there already'],
    [counts.unconfirmable, 'unconfirmable'],
    [counts.filtered + counts.superseded + counts.tooOld, 'left out'],
    [counts.suppressed, 'suppressed'],
    [counts.invalid, 'invalid'],
    [counts.waiting, 'waiting'],
    [counts.remaining, 'not sent'],
  ];
  const more = rest.filter(([value]) => value > 0).map(([value, what]) => `, ${count(value)} ${what}`);
  return `${status.replaceAll('_', ' ')}${took}: ${count(counts.delivered)} delivered, ${count(counts.dead)} failed${more.join('')}`;
}
