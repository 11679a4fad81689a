import type { EventType } from '../../../core/event.ts';
import { isId } from '../../../core/rejection.ts';
import { parseTime } from '../../../core/timestamps.ts';
import type { Person } from './identity.ts';
import { objectText, otherMembers, partAt, sliceOf, type Entry, type Part, type Piece } from './json-part.ts';

/** One operation of the Track API, as v2 writes it. */
export interface Operation {
  readonly item: Part;
  /** It may be about nobody: v1 takes events whose sender nobody knows. */
  readonly isAnonymous: boolean;
  /** What its sender calls the attributes: v1 has them in the `data` of an event. */
  readonly attributesName: 'attributes' | 'data';
}

/** Why an operation cannot be taken. */
export interface Fault {
  readonly code: 'unknown_operation' | 'operation_incomplete';
  /** The member at fault. */
  readonly field: string;
  readonly message: string;
}

export function isFault(value: object): value is Fault {
  return 'code' in value;
}

/** A member without which an operation says nothing. */
export function lacking(field: string, message: string): Fault {
  return { code: 'operation_incomplete', field, message };
}

/** An event of the Segment spec that is about to be written. */
export interface Draft {
  readonly type: EventType;
  readonly person: Person | null;
  readonly entries: readonly Entry[];
  readonly context?: readonly Entry[];
  /** Which of the operation's members have found a place in it; the others go along as they were sent. */
  readonly placed: readonly string[];
  /** More that has no place of its own. */
  readonly others?: readonly Uint8Array[];
}

/**
 * Writes the events of one operation, as JSON text with the values of the item as they were sent. The first one has
 * its id as messageId, and under `context.customerio` what has no place in an event.
 * @returns one after the other, so that nobody has to hold more of them than there may be
 */
export function* written(operation: Operation, drafts: readonly Draft[]): Generator<Uint8Array, void> {
  const time = timeOf(operation.item);
  for (const [index, draft] of drafts.entries()) {
    const { messageId, rest } = index === 0 ? ofFirst(operation, draft, time) : { messageId: null, rest: [] };
    const unplaced = [...rest, ...(draft.others ?? [])];
    const { person } = draft;
    const emailOnly = draft.type !== 'identify' && person !== null && person.email !== null;
    const context: Entry[] = [
      ...(draft.context ?? []),
      ['traits', emailOnly ? objectText([['email', person.email]]) : null],
      ['customerio', unplaced.length > 0 ? objectText([], unplaced) : null],
    ];
    yield objectText([
      ['type', JSON.stringify(draft.type)],
      ['userId', person?.userId ?? null],
      ['anonymousId', person?.anonymousId ?? null],
      ['messageId', messageId],
      ['timestamp', time.text],
      ...draft.entries,
      ['context', context.some(([, value]) => value !== null) ? objectText(context) : null],
    ]);
  }
}

function ofFirst({ item }: Operation, draft: Draft, time: ItemTime) {
  const messageId = isId(item.value['id']) ? sliceOf(item, 'id') : null;
  const placed = new Set(['type', 'action', ...draft.placed]);
  if (messageId !== null) placed.add('id');
  if (time.isAll) placed.add('timestamp');
  return { messageId, rest: otherMembers(item, placed) };
}

interface ItemTime {
  readonly text: Piece | null;
  /** It says all that was sent. */
  readonly isAll: boolean;
}

/**
 * Seconds since 1970, also as text, as the time that they mean; anything else stands as it was sent. For the update of
 * a person v1 has them in the attribute `_timestamp`.
 */
function timeOf(item: Part): ItemTime {
  const sent = sliceOf(item, 'timestamp');
  const value = item.value['timestamp'];
  if (sent === null) {
    const attributes = item.value['action'] === 'identify' ? partAt(item, 'attributes') : null;
    const text = isoOf(attributes?.value['_timestamp']);
    return { text: text === null ? null : JSON.stringify(text), isAll: true };
  }
  const text = isoOf(value);
  if (text === null) return { text: sent, isAll: true };
  return { text: JSON.stringify(text), isAll: Number.isInteger(Number(value)) };
}

const lastSecond = 4_102_444_800; // 2100, where usable times end

function isoOf(value: unknown): string | null {
  const isText = typeof value === 'string' && /^\d{1,10}(\.\d+)?$/.test(value);
  const seconds = isText ? Number(value) : value;
  if (typeof seconds !== 'number' || seconds < 0 || seconds >= lastSecond) return null;
  const text = new Date(Math.round(seconds * 1_000)).toISOString();
  return parseTime(text) === null ? null : text;
}
