import type { Edit } from './event.ts';
import { membersOf } from './json-scan.ts';
import { parseTime } from './timestamps.ts';

/** Why Reprise has changed something on the way from what was sent to the completed event. */
export const completionReasons = {
  absent: 'The sender gave none.',
  unusable: 'What the sender gave cannot be used: it stands in `sent`.',
  other_form: 'The same value, written as everyone reads it.',
  clock_skew: 'Corrected by how far the sender’s clock was off: the time of arrival less `sentAt`.',
  sent_time: 'The sender’s own `timestamp`, kept beside the corrected one.',
  address: 'The address that the event was sent to says it.',
  batch: 'The event’s batch says it for all of its events.',
  duplicate: 'The member stood twice; the last one counts.',
  write_key: 'A write key never goes out.',
} as const;
export type CompletionReason = keyof typeof completionReasons;

/** One thing that the completed event has otherwise than it was sent. */
export interface Completion {
  readonly field: string;
  readonly change: 'added' | 'replaced' | 'removed';
  readonly reason: CompletionReason;
  /** JSON of what the sender gave, null where he gave nothing or it was only removed. */
  readonly sent: string | null;
  /** JSON of what stands there now; null where it was removed, and where `members` says it. */
  readonly value: string | null;
  /** The members that the batch gave, of `context` and `integrations`. */
  readonly members: readonly string[];
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * What Reprise has supplied, told from the edits that were stored with an event. Spans that are only marked say nothing.
 * @param raw the event as it was sent
 */
export function completionOf(raw: Uint8Array, edits: readonly Edit[]): Completion[] {
  const supplied = new Set(edits.filter(isAdded).map(([name]) => name));
  return edits.flatMap((edit) => {
    const [name, offset, length, insert] = edit;
    if (insert === undefined) return [];
    const sent = length === 0 ? null : decoder.decode(raw.subarray(offset, offset + length));
    if (insert === '') return removed(raw, edit, supplied.has(name));
    if (name === 'context' || name === 'integrations') return [ofBatch(name, edit, sent)];
    if (isAdded(edit)) return [added(raw, name, insert)];
    const reason = replacedFor(name, sent!, insert, supplied);
    return [{ field: name, change: 'replaced', reason, sent, value: insert, members: [] }];
  });
}

/** Whether an edit puts a whole member in front of the first one: `"name":value,`. */
function isAdded([name, offset, length, insert]: Edit): boolean {
  return offset === 1 && length === 0 && insert?.startsWith(`"${name}":`) === true;
}

/** The value of a member that was put in front. */
function valueOf(name: string, insert: string): string {
  return insert.slice(name.length + 3, -1);
}

function added(raw: Uint8Array, name: string, insert: string): Completion {
  // A member of that name which is cut is told by the same entry: what was there could not be used.
  const before = name === 'receivedAt' ? sentValue(raw, name) : null;
  const reason = name === 'originalTimestamp' ? 'sent_time' : name === 'type' ? 'address' : 'absent';
  return {
    field: name,
    change: before === null ? 'added' : 'replaced',
    reason: before === null ? reason : 'unusable',
    sent: before,
    value: valueOf(name, insert),
    members: [],
  };
}

function sentValue(raw: Uint8Array, name: string): string | null {
  const member = membersOf(raw).findLast(({ key }) => key === name);
  return member === undefined ? null : decoder.decode(raw.subarray(member.valueStart, member.valueEnd));
}

function removed(raw: Uint8Array, [name, offset]: Edit, isSupplied: boolean): Completion[] {
  const last = membersOf(raw).findLast(({ key }) => key === name);
  const isLast = last?.keyStart === offset;
  if (isLast && isSupplied) return []; // `added` tells it
  const reason = name === 'writeKey' ? 'write_key' : 'duplicate';
  return [{ field: name, change: 'removed', reason, sent: null, value: null, members: [] }];
}

function ofBatch(name: string, edit: Edit, sent: string | null): Completion {
  const [, , , insert = ''] = edit;
  const given = isAdded(edit) ? valueOf(name, insert) : sent === null ? `{${withoutComma(insert)}}` : insert;
  const members = membersOf(encoder.encode(given)).map(({ key }) => key);
  const change = sent === null ? 'added' : 'replaced';
  return { field: name, change, reason: 'batch', sent, value: null, members };
}

function withoutComma(text: string): string {
  return text.endsWith(',') ? text.slice(0, -1) : text;
}

function replacedFor(
  name: string,
  sent: string,
  insert: string,
  supplied: ReadonlySet<string>,
): CompletionReason {
  const [before, now] = [parsed(sent), parsed(insert)];
  if (name === 'type') return 'address';
  if (name !== 'timestamp') return typeof before === 'number' ? 'other_form' : 'unusable';
  const moment = parseTime(before);
  if (moment === null) return 'unusable';
  if (moment === parseTime(now)) return 'other_form';
  // Only a time that is made from the sender's is kept beside.
  return supplied.has('originalTimestamp') ? 'clock_skew' : 'unusable';
}

function parsed(text: string): unknown {
  return JSON.parse(text) as unknown;
}
