import { createHash } from 'node:crypto';
import { judge, type FaultLine, type PollLine, type Verdict } from './checker.ts';
import type { SinkLine, SourceLine } from './ledger.ts';

// A replay of 60 events and a stream of 30 beside it, one request every 50 ms that takes 125 ms to be answered, and in
// the midst of it a worker that is killed. All times in milliseconds.
export const start = 1_000_000;
export const gap = 50;
const took = 125;
export const users = 6;
export const killed = start + 2_000;

export interface World {
  phases: SourceLine[][];
  lines: SinkLine[];
  faults: FaultLine[];
  polls: PollLine[];
  deliveries: number;
}

export function source(phase: string, index: number): SourceLine {
  const messageId = `${phase}-${index}`;
  const user = `${phase}-user-${index % users}`;
  const timestamp = '2026-11-24T08:00:00.000Z';
  const text = `{"type":"track","messageId":"${messageId}","userId":"${user}","timestamp":"${timestamp}","properties":{"n":1.50}}`;
  return { messageId, user, text, event: JSON.parse(text) as Record<string, unknown> };
}

export function bodyOf({ text = '' }: SourceLine): string {
  const supplied = '"originalTimestamp":"2026-11-24T08:00:00.000Z","receivedAt":"2026-11-24T08:00:01.000Z",';
  return `{${supplied}${text.slice(1).replace('08:00:00.000Z', '08:00:00.250Z')}`;
}

export const digest = (body: string) => createHash('sha256').update(body).digest('hex');

export function request(event: SourceLine, seq: number, at: number, more: Partial<SinkLine> = {}): SinkLine {
  const body = bodyOf(event);
  return {
    seq,
    at,
    answeredAt: at + took,
    id: `id-${event.messageId}`,
    attempt: 1,
    messageId: event.messageId,
    userId: event.user,
    sha256: digest(body),
    body,
    answer: 200,
    heard: true,
    cut: null,
    retryAfterSeconds: null,
    ...more,
  };
}

/** All goes well, but for two events whose answers a killed worker did not live to hear. */
export function cleanWorld(): World {
  const past = Array.from({ length: 60 }, (_, index) => source('past', index));
  const live = Array.from({ length: 30 }, (_, index) => source('live', index));
  const order = past.flatMap((event, index) => (index % 2 === 0 ? [event, live[index / 2]!] : [event]));
  const lines = order.map((event, index) => request(event, index + 1, start + index * gap));
  const again = lines.filter(({ at, answeredAt }) => at <= killed && answeredAt >= killed).slice(0, 2);
  const end = start + order.length * gap;
  lines.push(...again.map((line, index) => ({ ...line, seq: 91 + index, at: end, answeredAt: end + took })));
  const polls = [1, 2.5, 4, 5, 6].flatMap((second) => poll(lines, past, start + second * 1_000));
  return { phases: [past, live], lines, faults: [fault({})], polls, deliveries: 5 };
}

/** What an honest status tells at a time. */
function poll(lines: readonly SinkLine[], past: readonly SourceLine[], at: number): PollLine[] {
  const arrived = new Set(lines.filter((line) => line.answeredAt <= at).map(({ messageId }) => messageId));
  const delivered = past.filter(({ messageId }) => arrived.has(messageId)).length;
  const counts = { selected: 60, selectedExact: true, delivered, dead: 0, remaining: 60 - delivered };
  const status = delivered === 60 ? 'completed' : 'running';
  const cursor = [...arrived].filter((id) => id?.startsWith('live')).length;
  return [
    { at, phase: 0, replay: { status, counts } },
    { at, phase: 1, cursor },
  ];
}

export function fault(more: Partial<FaultLine>): FaultLine {
  return {
    name: 'SIGKILL delivery-1',
    kind: 'kill',
    target: 'delivery-1',
    t0: killed,
    t1: killed + 1,
    ...more,
  };
}

export function verdictOf({ phases, lines, faults, polls, deliveries }: World): Verdict {
  const positions = new Map(phases[1]!.map(({ messageId }, index) => [messageId, index + 1]));
  return judge(phases, lines, { faults, polls, positions, hits: { faults, deliveries } });
}

/** The kinds of faults that a verdict names. */
export function namesOf(verdict: Verdict): string[] {
  return Object.entries(verdict).flatMap(([name, found]: [string, string[]]) =>
    found.length > 0 ? [name] : [],
  );
}

export const at = (world: World, index: number) => world.lines[index]!;
export const change = (world: World, index: number, more: Partial<SinkLine>) => {
  world.lines[index] = { ...at(world, index), ...more };
};
/** The same event is taken once more, so long after the end. */
export const again = (world: World, index: number, afterMs: number, more: Partial<SinkLine> = {}) => {
  const time = world.lines.at(-1)!.at + afterMs;
  const copy = { seq: world.lines.length + 1, at: time, answeredAt: time + took, ...more };
  world.lines.push({ ...at(world, index), ...copy });
};
export const replayPolls = (world: World) => world.polls.filter(({ replay }) => replay !== undefined);
export const changeCounts = (
  world: World,
  index: number,
  counts: Record<string, number>,
  status?: string,
) => {
  const found = replayPolls(world)[index]!;
  const replay = { status: status ?? found.replay!.status, counts: { ...found.replay!.counts, ...counts } };
  world.polls[world.polls.indexOf(found)] = { ...found, replay };
};
