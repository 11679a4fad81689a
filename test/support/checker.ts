// Judges what arrived against what was acknowledged, from ledgers, fault log and status answers alone: nothing here is
// shared with the product.
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { judgeCopies, type Repeats } from './checker/duplicates.ts';
import { eventsOf, isTaken, messageIdsOf, type Evidence } from './checker/evidence.ts';
import { early, vacuous } from './checker/faults.ts';
import { falselyDone } from './checker/statuses.ts';
import type { SinkLine, SourceLine } from './ledger.ts';

export { isTaken, type Evidence, type FaultLine, type PollLine } from './checker/evidence.ts';
export { recoveryMs } from './checker/faults.ts';

/** What is wrong; empty lists mean that nothing is. */
export interface Verdict {
  /** Acknowledged events that the sink never answered with 2xx. */
  readonly lost: string[];
  /** Events that the sink answered with 2xx more than once. */
  readonly duplicates: string[];
  /** Those of them that neither the sink nor a fault explains, or more often than it does. */
  readonly unexplained: string[];
  /** What the sink got although nobody expected it there. */
  readonly strangers: string[];
  /** Events that the sink took before an earlier one of the same user. */
  readonly outOfOrder: string[];
  /** Events whose body lacks or alters a member of what was sent, with the member. */
  readonly altered: string[];
  /** Deliveries whose id or bytes were not the same at each attempt. */
  readonly unstable: string[];
  /** What the status API told although it was not so. */
  readonly falselyDone: string[];
  /** Requests inside a time for which the sink had asked for quiet. */
  readonly early: string[];
  /** Faults that hit nothing: the run proves nothing. */
  readonly vacuous: string[];
}

export const flawless: Verdict = {
  lost: [],
  duplicates: [],
  unexplained: [],
  strangers: [],
  outOfOrder: [],
  altered: [],
  unstable: [],
  falselyDone: [],
  early: [],
  vacuous: [],
};

/**
 * @param phases what was acknowledged and should have arrived. Order is judged within each phase: none is promised
 *   between a replay and the stream beside it.
 * @param lines the sink's ledger
 * @param evidence what else is known; without faults every duplicate is unexplained
 */
export function judge(
  phases: readonly (readonly SourceLine[])[],
  lines: readonly SinkLine[],
  evidence: Evidence = {},
): Verdict {
  const expected = new Map(phases.flat().map((line) => [line.messageId, line]));
  const copies = copiesOf(lines);
  return {
    lost: [...expected.keys()].filter((messageId) => !copies.has(messageId)),
    duplicates: [...copies].filter(([, { length }]) => length > 1).map(([messageId]) => messageId),
    unexplained: judgeCopies(copies, evidence.faults ?? []).unexplained,
    strangers: lines.flatMap(messageIdsOf).filter((messageId) => !expected.has(messageId)),
    outOfOrder: phases.flatMap((phase) => overtaken(phase, copies)),
    altered: [...copies].flatMap(([messageId, [first]]) => {
      const sent = expected.get(messageId);
      return sent === undefined || first === undefined ? [] : alterations(sent, first);
    }),
    unstable: unstable(lines),
    falselyDone: falselyDone(phases, lines, evidence),
    early: early(lines),
    vacuous: vacuous(lines, evidence.hits),
  };
}

/** How many events each fault made come twice. */
export function repeatsOf(lines: readonly SinkLine[], { faults = [] }: Evidence): Repeats[] {
  return judgeCopies(copiesOf(lines), faults).repeats;
}

/** The requests with events of one phase. */
export function linesOf(phase: readonly SourceLine[], lines: readonly SinkLine[]): SinkLine[] {
  const ids = new Set(phase.map(({ messageId }) => messageId));
  return lines.filter((line) => messageIdsOf(line).some((id) => ids.has(id)));
}

/** The requests that took each event, in the order in which they came. */
function copiesOf(lines: readonly SinkLine[]): Map<string, SinkLine[]> {
  const copies = new Map<string, SinkLine[]>();
  for (const line of [...lines].filter(isTaken).sort((a, b) => a.seq - b.seq)) {
    for (const id of messageIdsOf(line)) copies.set(id, [...(copies.get(id) ?? []), line]);
  }
  return copies;
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
function alterations({ messageId, event, text }: SourceLine, line: SinkLine): string[] {
  const body = eventsOf(line).find((one) => one['messageId'] === messageId) ?? {};
  const { timestamp, ...others } = text === undefined ? event : (JSON.parse(text) as SourceLine['event']);
  const wrong = Object.keys(others).filter((name) => !isDeepStrictEqual(body[name], others[name]));
  if (timestamp !== undefined && body['originalTimestamp'] !== timestamp) wrong.push('originalTimestamp');
  for (const name of ['timestamp', 'receivedAt']) if (!isTime(body[name])) wrong.push(name);
  if (text !== undefined && line.messageId !== null && textAsSent(line.body) !== text)
    wrong.push('its bytes');
  if (createHash('sha256').update(line.body).digest('hex') !== line.sha256) wrong.push('its digest');
  return wrong.map((name) => `${messageId}: ${name}`);
}

/** The text of an event without what the server supplied, and with the time that its sender gave it. */
function textAsSent(body: string): string {
  const supplied = /"(originalTimestamp|receivedAt)":("[^"]*"),/;
  let original = '""';
  let text = body;
  for (let found = supplied.exec(text); found !== null; found = supplied.exec(text)) {
    if (found[1] === 'originalTimestamp') original = found[2] ?? original;
    text = text.slice(0, found.index) + text.slice(found.index + found[0].length);
  }
  return text.replace(/"timestamp":"[^"]*"/, () => `"timestamp":${original}`);
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value);
}

function unstable(lines: readonly SinkLine[]): string[] {
  const single = lines.filter(({ messageId }) => messageId !== null);
  const byEvent = Map.groupBy(single, (line) => String(line.messageId));
  const byId = Map.groupBy(single, (line) => String(line.id));
  const differ = (group: readonly SinkLine[], of: (line: SinkLine) => string | null) =>
    new Set(group.map(of)).size > 1;
  return [
    ...[...byEvent]
      .filter(([, group]) => differ(group, ({ id }) => id) || differ(group, ({ sha256 }) => sha256))
      .map(([messageId]) => messageId),
    ...[...byId].filter(([, group]) => differ(group, ({ messageId }) => messageId)).map(([id]) => id),
  ];
}
