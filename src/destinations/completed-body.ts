import { completeInto, insertsLimit } from '../core/completed-event.ts';
import type { Edit } from '../core/event.ts';
import { withReplayMarker } from '../core/replay-marker.ts';
import type { Delivery } from './definition.ts';

type Content = Pick<Delivery, 'event' | 'marker'>;

/** The completed event, as the body of a request. */
export function completedBody(delivery: Content): Buffer {
  const part = partOf(delivery);
  const body = Buffer.allocUnsafe(part.room);
  return body.subarray(0, completeInto(body, 0, part.raw, part.edits));
}

/** Completed events, at least one, as a JSON array. */
export function completedArray(deliveries: readonly Content[]): Buffer {
  const parts = deliveries.map((delivery) => partOf(delivery));
  return completedList(parts, { opening: '[', closing: ']' }).body;
}

/** What stands around a list of completed events, and what a destination wants of them. */
export interface ListForm {
  /** ASCII. */
  readonly opening: string;
  readonly closing: string;
  /** Bytes; a single event may be longer. */
  readonly limit?: number;
  /** Names of `cuttableMembers` that are left out. */
  readonly cut?: readonly string[];
}

/**
 * As many completed events as fit, from the first one on, with commas between them. They are made in one buffer: pieces
 * that are joined later cost more than all else. @returns how many are in it, at least one
 */
export function completedList(
  parts: readonly Part[],
  { opening, closing, limit = Infinity, ...options }: ListForm,
): { body: Buffer; count: number } {
  const around = opening.length + closing.length;
  const [all, largest] = roomsOf(parts);
  const body = Buffer.allocUnsafe(around + Math.min(all, limit + largest));
  let at = body.write(opening, 'latin1');
  let count = 0;
  for (const { raw, edits } of parts) {
    if (count > 0 && at + closing.length >= limit) break; // nor is there room to try another one
    const start = count === 0 ? at : at + 1;
    const end = completeInto(body, start, raw, edits, options);
    if (count > 0 && end + closing.length > limit) break;
    if (count > 0) body[at] = comma;
    at = end;
    count += 1;
  }
  return { body: body.subarray(0, at + body.write(closing, at, 'latin1')), count };
}

const comma = 0x2c;

/** What all parts take with their commas, and the largest of them. */
function roomsOf(parts: readonly Part[]): [all: number, largest: number] {
  let [all, largest] = [0, 0];
  for (const { room } of parts) {
    all += room + 1;
    largest = Math.max(largest, room + 1);
  }
  return [all, largest];
}

/** An event that is to be completed. */
export interface Part {
  readonly raw: Uint8Array;
  readonly edits: readonly Edit[];
  /** Bytes that it takes to be completed in. */
  readonly room: number;
}

/** @param edits other ones than its own */
export function partOf(delivery: Content, edits = completingEdits(delivery)): Part {
  const { raw } = delivery.event;
  return { raw, edits, room: raw.length + insertsLimit(edits) };
}

/** What makes the completed event of the sender's text, with the replay's marker if it has one. */
export function completingEdits({ event, marker }: Content): readonly Edit[] {
  const edits = JSON.parse(event.edits) as Edit[];
  return marker === null ? edits : withReplayMarker(event.raw, edits, marker);
}
