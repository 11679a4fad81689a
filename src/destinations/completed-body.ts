import { completeInto, insertsLimit } from '../core/completed-event.ts';
import type { ArchivedEvent, Edit } from '../core/event.ts';

/** The completed event, as the body of a request. */
export function completedBody(event: ArchivedEvent): Buffer {
  const part = partOf(event);
  const body = Buffer.allocUnsafe(part.room);
  return body.subarray(0, completeInto(body, 0, part.raw, part.edits));
}

/** Completed events, at least one, as a JSON array. It is made in one buffer: pieces that are joined later cost more than all else. */
export function completedArray(events: readonly ArchivedEvent[]): Buffer {
  const parts = events.map(partOf);
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

function partOf({ raw, edits }: ArchivedEvent): Part {
  const list = JSON.parse(edits) as Edit[];
  return { raw, edits: list, room: raw.length + insertsLimit(list) };
}
