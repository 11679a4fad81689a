import type { ArchivedEvent, EventType, Origin } from '../../core/event.ts';
import { sql } from '../sql.ts';

/** The columns of `event`, aliased `e`, that make a PageEvent: first those of a fixed length that are never null. */
export const pageColumns = sql`e.position, e.received_at, e.timestamp, e.bucket, e.live,
  e.user_id, e.anonymous_id, e.message_id, e.raw, e.edits, e.integrations, e.type, e.name, e.origin, e.source_id::text`;

// Where they stand in a row: behind the count of its columns, each behind its length. Source: PostgreSQL, COPY, binary.
const [position, receivedAt, timestamp, bucket, live] = [6, 18, 30, 42, 48] as const;
const firstText = 49;
const texts = [
  'userId',
  'anonymousId',
  'messageId',
  'raw',
  'edits',
  'integrations',
  'type',
  'name',
  'origin',
  'sourceId',
] as const;

const epochMs = Date.UTC(2000, 0); // Postgres counts from here
const fileHead = 19;
const rowsEnd = -1;

/**
 * An event of a page as it came from the database. What is asked of it is decoded when it is asked: most of it never is,
 * and the text of an event goes out as the bytes that came in.
 */
class PageEvent implements ArchivedEvent {
  readonly position: number;
  readonly #piece: DataView;
  readonly #start: number;

  constructor(piece: DataView, start: number) {
    this.#piece = piece;
    this.#start = start;
    this.position = integer(piece, start + position);
  }

  get receivedAt(): Date {
    return instant(this.#piece, this.#start + receivedAt);
  }
  get timestamp(): Date {
    return instant(this.#piece, this.#start + timestamp);
  }
  get bucket(): number {
    return this.#piece.getInt16(this.#start + bucket);
  }
  get live(): boolean {
    return this.#piece.getInt8(this.#start + live) === 1;
  }
  get userId(): string | null {
    return this.#text('userId');
  }
  get anonymousId(): string | null {
    return this.#text('anonymousId');
  }
  get messageId(): string {
    return this.#text('messageId')!;
  }
  get raw(): Uint8Array {
    return this.#bytes('raw')!;
  }
  get edits(): string {
    return this.#text('edits')!;
  }
  get integrations(): string | null {
    return this.#text('integrations');
  }
  get type(): EventType {
    return this.#text('type') as EventType;
  }
  get name(): string | null {
    return this.#text('name');
  }
  get origin(): Origin {
    return this.#text('origin') as Origin;
  }
  get sourceId(): string {
    return this.#text('sourceId')!;
  }

  #text(column: (typeof texts)[number]): string | null {
    return this.#bytes(column)?.toString() ?? null;
  }

  #bytes(column: (typeof texts)[number]): Buffer | null {
    const at = behind(this.#piece, this.#start + firstText, texts.indexOf(column));
    const length = this.#piece.getInt32(at);
    return length < 0 ? null : Buffer.from(this.#piece.buffer, this.#piece.byteOffset + at + 4, length);
  }
}

/** The events of a binary COPY of `pageColumns`, in its order. */
export function pageEvents(pieces: readonly Buffer[]): ArchivedEvent[] {
  const events: ArchivedEvent[] = [];
  for (const [index, bytes] of pieces.entries()) {
    const piece = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = index === 0 ? fileHead : 0;
    while (at < bytes.length && piece.getInt16(at) !== rowsEnd) {
      events.push(new PageEvent(piece, at));
      at = behind(piece, at + firstText, texts.length);
    }
  }
  return events;
}

/** The place behind so many columns, each of which stands behind its length; -1: it is null. */
function behind(piece: DataView, at: number, columns: number): number {
  let place = at;
  for (let column = 0; column < columns; column++) place += 4 + Math.max(0, piece.getInt32(place));
  return place;
}

function integer(piece: DataView, at: number): number {
  return piece.getInt32(at) * 2 ** 32 + piece.getUint32(at + 4);
}

function instant(piece: DataView, at: number): Date {
  return new Date(epochMs + Math.round(integer(piece, at) / 1_000));
}
