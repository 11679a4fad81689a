import type { SinkLine, SourceLine } from '../ledger.ts';
import { isTaken, messageIdsOf, type Evidence, type PollLine } from './evidence.ts';

const ended = new Set(['completed', 'completed_with_failures', 'cancelled', 'failed']);
/** Tries after which an event is set aside; its user's later events stand behind it, and the cursor passes them. */
const triesBeforeAside = 5;

type Taken = ReadonlyMap<string, number>;

/** What the status API told that the ledgers do not bear out. */
export function falselyDone(
  phases: readonly (readonly SourceLine[])[],
  lines: readonly SinkLine[],
  { polls = [], positions }: Evidence,
): string[] {
  const taken = takenAt(lines);
  const wrong = [
    ...polls.flatMap((poll) => wrongCounts(phases[poll.phase] ?? [], poll, taken)),
    ...[...Map.groupBy(polls, ({ phase }) => phase).values()].flatMap((group) => [
      ...fallen(group),
      ...wrongEnd(phases[group[0]?.phase ?? 0] ?? [], group, taken),
    ]),
    ...polls.flatMap((poll) => passedOver(phases[poll.phase] ?? [], poll, { taken, lines, positions })),
  ];
  return [...new Set(wrong)];
}

/** When each event was first taken. */
function takenAt(lines: readonly SinkLine[]): Taken {
  const times = new Map<string, number>();
  for (const line of lines.filter(isTaken)) {
    for (const id of messageIdsOf(line)) {
      times.set(id, Math.min(line.answeredAt, times.get(id) ?? Infinity));
    }
  }
  return times;
}

function countTaken(phase: readonly SourceLine[], taken: Taken, until: number): number {
  return phase.filter(({ messageId }) => (taken.get(messageId) ?? Infinity) <= until).length;
}

/** At each moment: no more is said to be delivered than was taken, and each event is in one bucket. */
function wrongCounts(phase: readonly SourceLine[], { at, replay }: PollLine, taken: Taken): string[] {
  if (replay === undefined) return [];
  const wrong: string[] = [];
  const { selected, selectedExact, ...parts } = replay.counts;
  const sum = Object.values(parts).reduce<number>((total, part) => total + Number(part), 0);
  if (sum !== selected) wrong.push(`the counts add up to ${sum}, not to ${String(selected)}`);
  const arrived = countTaken(phase, taken, at);
  const delivered = Number(replay.counts['delivered']);
  if (delivered > arrived) wrong.push(`${delivered} are said to be delivered when ${arrived} had arrived`);
  if (selectedExact === true && selected !== phase.length) {
    wrong.push(`${String(selected)} are said to be selected of ${phase.length}`);
  }
  if (replay.status === 'completed' && arrived !== phase.length) {
    wrong.push(`it is said to be completed when ${arrived} of ${phase.length} had arrived`);
  }
  return wrong;
}

/** What was delivered stays delivered, and a cursor does not go back. */
function fallen(polls: readonly PollLine[]): string[] {
  const figures = (of: (poll: PollLine) => number | undefined) =>
    polls.map(of).filter((value) => value !== undefined);
  const falls = (values: number[], what: string) =>
    values.flatMap((value, index) =>
      value < (values[index - 1] ?? value) ? [`${what} fell from ${values[index - 1]} to ${value}`] : [],
    );
  return [
    ...falls(
      figures(({ replay }) => replay && Number(replay.counts['delivered'])),
      'delivered',
    ),
    ...falls(
      figures(({ cursor }) => cursor),
      'the cursor',
    ),
  ];
}

/** In the end the figures are exact. */
function wrongEnd(phase: readonly SourceLine[], polls: readonly PollLine[], taken: Taken): string[] {
  const last = polls.findLast(({ replay }) => replay !== undefined)?.replay;
  if (last === undefined) return [];
  const arrived = countTaken(phase, taken, Infinity);
  const delivered = Number(last.counts['delivered']);
  if (!ended.has(last.status) || delivered === arrived) return [];
  return [`it ended with ${delivered} delivered; ${arrived} arrived`];
}

/** A stream's cursor passes only what was taken, or what was set aside with what stands behind it. */
function passedOver(
  phase: readonly SourceLine[],
  { at, cursor }: PollLine,
  { taken, lines, positions }: { taken: Taken; lines: readonly SinkLine[]; positions: Evidence['positions'] },
): string[] {
  if (cursor === undefined || positions === undefined) return [];
  const missing = phase.filter(
    ({ messageId }) =>
      (positions.get(messageId) ?? Infinity) <= cursor && (taken.get(messageId) ?? Infinity) > at,
  );
  if (missing.length === 0) return [];
  const failed = lines.filter((line) => !isTaken(line) && line.answeredAt <= at).flatMap(messageIdsOf);
  const tries = Map.groupBy(failed, (id) => id);
  const aside = new Set(
    phase
      .filter(({ messageId }) => (tries.get(messageId)?.length ?? 0) >= triesBeforeAside)
      .map(({ user }) => user),
  );
  return missing
    .filter(({ user }) => !aside.has(user))
    .map(({ messageId }) => `the cursor passed ${messageId}, which had not arrived`);
}
