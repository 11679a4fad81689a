// Judges what arrived against what was acknowledged, from the two ledgers alone: nothing here is shared with the product.
import { isDeepStrictEqual } from 'node:util';
import type { SinkLine, SourceLine } from './ledger.ts';

/** What is wrong; empty lists mean that nothing is. */
export interface Verdict {
  /** Acknowledged events that the sink never answered with 2xx. */
  readonly lost: string[];
  /** Events that the sink answered with 2xx more than once. */
  readonly duplicates: string[];
  /** What the sink got although nobody expected it there. */
  readonly strangers: string[];
  /** Events that the sink took before an earlier one of the same user. */
  readonly outOfOrder: string[];
  /** Events whose body lacks or alters a member of what was sent, with the member. */
  readonly altered: string[];
  /** Deliveries whose id or bytes were not the same at each attempt. */
  readonly unstable: string[];
}

export const flawless: Verdict = {
  lost: [],
  duplicates: [],
  strangers: [],
  outOfOrder: [],
  altered: [],
  unstable: [],
};

/**
 * @param phases what was acknowledged and should have arrived. Order is judged within each phase: none is promised
 *   between a replay and the stream beside it.
 * @param lines the sink's ledger
 */
export function judge(phases: readonly (readonly SourceLine[])[], lines: readonly SinkLine[]): Verdict {
  const expected = new Map(phases.flat().map((line) => [line.messageId, line]));
  const taken = [...lines].filter(isTaken).sort((a, b) => a.seq - b.seq);
  const copies = Map.groupBy(taken, (line) => String(line.messageId));
  return {
    lost: [...expected.keys()].filter((messageId) => !copies.has(messageId)),
    duplicates: [...copies].filter(([, { length }]) => length > 1).map(([messageId]) => messageId),
    strangers: lines.map((line) => String(line.messageId)).filter((messageId) => !expected.has(messageId)),
    outOfOrder: phases.flatMap((phase) => overtaken(phase, copies)),
    altered: [...copies].flatMap(([messageId, [first]]) => {
      const sent = expected.get(messageId);
      return sent === undefined || first === undefined ? [] : alterations(sent, first);
    }),
    unstable: unstable(lines),
  };
}

/** The sink has the event: it answered 2xx, whether or not the sender was still there to hear it. */
export function isTaken(line: SinkLine): boolean {
  return line.answer >= 200 && line.answer < 300;
}

function overtaken(phase: readonly SourceLine[], copies: ReadonlyMap<string, readonly SinkLine[]>): string[] {
  const latest = new Map<string, number>();
  return phase.flatMap(({ messageId, user }) => {
    const seq = copies.get(messageId)?.[0]?.seq;
    if (seq === undefined) return [];
    const before = latest.get(user) ?? 0;
    latest.set(user, Math.max(before, seq));
    return seq < before ? [messageId] : [];
  });
}

/** A completed event has every member that was sent; its time is corrected and the sender's own kept beside it. */
function alterations({ messageId, event }: SourceLine, line: SinkLine): string[] {
  const body = JSON.parse(line.body) as Record<string, unknown>;
  const { timestamp, ...others } = event;
  const wrong = Object.keys(others).filter((name) => !isDeepStrictEqual(body[name], others[name]));
  if (timestamp !== undefined && body['originalTimestamp'] !== timestamp) wrong.push('originalTimestamp');
  for (const name of ['timestamp', 'receivedAt']) if (!isTime(body[name])) wrong.push(name);
  return wrong.map((name) => `${messageId}: ${name}`);
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value);
}

function unstable(lines: readonly SinkLine[]): string[] {
  const byEvent = Map.groupBy(lines, (line) => String(line.messageId));
  const byId = Map.groupBy(lines, (line) => String(line.id));
  const differ = (group: readonly SinkLine[], of: (line: SinkLine) => string | null) =>
    new Set(group.map(of)).size > 1;
  return [
    ...[...byEvent]
      .filter(([, group]) => differ(group, ({ id }) => id) || differ(group, ({ sha256 }) => sha256))
      .map(([messageId]) => messageId),
    ...[...byId].filter(([, group]) => differ(group, ({ messageId }) => messageId)).map(([id]) => id),
  ];
}
