import { hash } from 'node:crypto';
import type { NewEvent } from '../../core/new-event.ts';

/** What clients change when they send an event again; the body's hash leaves it out. */
const changesOnRetry: ReadonlySet<string> = new Set(['sentAt', 'writeKey', '_metadata']);

const uuidDigits = 32;

export interface EventIdentity {
  /** Source and messageId: 16 bytes of their sha256, in hex. */
  readonly key: string;
  /** The event as sent, without what a retry may change: 16 bytes of its sha256, in hex. */
  readonly body: string;
  /** 0 to 1023, by user; stored, so that a later version cannot move a user to another lane. */
  readonly bucket: number;
}

/**
 * Tells an event sent again from one that only carries the same messageId, and finds the bucket of its user.
 * @param source the source's id in hex
 */
export function identityOf(event: NewEvent, source: string): EventIdentity {
  const user = event.userId ?? event.anonymousId ?? event.messageId;
  return {
    key: identityKey(source, event.messageId),
    body: sha256(stablePart(event)).slice(0, uuidDigits),
    bucket: Number.parseInt(sha256(user).slice(0, 4), 16) >> 6,
  };
}

/** Which event a source calls by a messageId: 16 bytes of the sha256 of both. Ids and answer are in hex. */
export function identityKey(source: string, messageId: string): string {
  const id = messageIdText(messageId);
  const bytes = Buffer.allocUnsafe(16 + Buffer.byteLength(id));
  bytes.write(id, bytes.write(source, 'hex'));
  return sha256(bytes).slice(0, uuidDigits);
}

/** In UTF-8 all halves of surrogate pairs are the same U+FFFD; in JSON each has an escape of its own. */
function messageIdText(messageId: string): string {
  return messageId.isWellFormed() ? messageId : JSON.stringify(messageId);
}

/** A uuid as `uuidArray` takes it: its 32 hex digits. */
export function uuidHex(uuid: string): string {
  return uuid.replaceAll('-', '');
}

/** As text: a buffer of its own for each hash costs twice the time, and the garbage collector more than that. */
function sha256(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex');
}

function stablePart({ raw, edits }: NewEvent): Uint8Array {
  const pieces: Uint8Array[] = [];
  let kept = 0;
  for (const [name, offset, length] of edits) {
    if (!changesOnRetry.has(name)) continue;
    pieces.push(raw.subarray(kept, offset));
    kept = offset + length;
  }
  return kept === 0 ? raw : Buffer.concat([...pieces, raw.subarray(kept)]);
}
