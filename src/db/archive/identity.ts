import { hash } from 'node:crypto';
import type { NewEvent } from '../../core/new-event.ts';

/** What clients change when they send an event again; the body's hash leaves it out. */
const changesOnRetry: ReadonlySet<string> = new Set(['sentAt', 'writeKey', '_metadata']);

export interface EventIdentity {
  /** Source and messageId: 16 bytes of their sha256. */
  readonly key: Buffer;
  /** The event as sent, without what a retry may change: 16 bytes of its sha256. */
  readonly body: Buffer;
  /** 0 to 1023, by user; stored, so that a later version cannot move a user to another lane. */
  readonly bucket: number;
}

/**
 * Tells an event sent again from one that only carries the same messageId, and finds the bucket of its user.
 * @param source the source's id as bytes
 */
export function identityOf(event: NewEvent, source: Uint8Array): EventIdentity {
  const user = event.userId ?? event.anonymousId ?? event.messageId;
  return {
    key: identityKey(source, event.messageId),
    body: sha256(stablePart(event)).subarray(0, 16),
    bucket: sha256(user).readUInt16BE(0) >> 6,
  };
}

/** Which event a source calls by a messageId: 16 bytes of the sha256 of both. */
export function identityKey(source: Uint8Array, messageId: string): Buffer {
  return sha256(Buffer.concat([source, messageIdBytes(messageId)])).subarray(0, 16);
}

/** In UTF-8 all halves of surrogate pairs are the same U+FFFD; in JSON each has an escape of its own. */
function messageIdBytes(messageId: string): Buffer {
  return Buffer.from(messageId.isWellFormed() ? messageId : JSON.stringify(messageId));
}

/** A uuid's 16 bytes. */
export function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

function sha256(data: string | Uint8Array): Buffer {
  return hash('sha256', data, 'buffer');
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
