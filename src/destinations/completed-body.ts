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

/** Completed events, at least one, as a JSON array. It is made in one buffer: pieces that are joined later cost more than all else. */
export function completedArray(deliveries: readonly Content[]): Buffer {
  const parts = deliveries.map(partOf);
  const body = Buffer.allocUnsafe(parts.reduce((room, part) => room + part.room + 1, 1));
  let at = 0;
  for (const { raw, edits } of parts) {
    body[at] = at === 0 ? openBracket : comma;
    at = completeInto(body, at + 1, raw, edits);
  }
  body[at] = closeBracket;
  return body.subarray(0, at + 1);
}

const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;

interface Part {
  readonly raw: Uint8Array;
  readonly edits: readonly Edit[];
  /** Bytes that it takes to be completed in. */
  readonly room: number;
}

function partOf(delivery: Content): Part {
  const { raw } = delivery.event;
  const edits = completingEdits(delivery);
  return { raw, edits, room: raw.length + insertsLimit(edits) };
}

/** What makes the completed event of the sender's text, with the replay's marker if it has one. */
export function completingEdits({ event, marker }: Content): readonly Edit[] {
  const edits = JSON.parse(event.edits) as Edit[];
  return marker === null ? edits : withReplayMarker(event.raw, edits, marker);
}
