import { completeInto, cuttableMembers, insertsLimit } from '../core/completed-event.ts';
import { withMessageId } from '../core/other-message-id.ts';
import { completingEdits } from './completed-body.ts';
import type { Delivery } from './definition.ts';
import { deliveryId } from './delivery-id.ts';

/** The limit of a batch, as Segment has it. Source: segment-docs, http-api, batch. */
const maxBatchBytes = 500 * 1_024;
const encoder = new TextEncoder();
const opening = encoder.encode('{"batch":[');
const closing = encoder.encode(']}');

export interface SegmentBatch {
  readonly body: Uint8Array;
  /** So many of the deliveries are in it, from the first on; at least one. */
  readonly count: number;
}

/**
 * A batch of as many deliveries as fit into one. The items have the corrected time and no trace of when they were sent
 * or received: a receiver computes an event's time anew from these, and would put the past on today.
 */
export function segmentBatch(deliveries: readonly Delivery[]): SegmentBatch {
  const items: Uint8Array[] = [];
  let bytes = opening.length + closing.length;
  for (const delivery of deliveries) {
    const item = itemOf(delivery);
    if (items.length > 0 && bytes + item.length + 1 > maxBatchBytes) break;
    bytes += item.length + (items.length > 0 ? 1 : 0);
    items.push(item);
  }
  return { body: joined(items, bytes), count: items.length };
}

function itemOf(delivery: Delivery): Uint8Array {
  const { event, name, newId } = delivery;
  const made = completingEdits(delivery);
  const edits = newId ? withMessageId(event.raw, made, deliveryId(name)) : made;
  const target = Buffer.allocUnsafe(event.raw.length + insertsLimit(edits));
  return target.subarray(0, completeInto(target, 0, event.raw, edits, { cut: cuttableMembers }));
}

function joined(items: readonly Uint8Array[], bytes: number): Uint8Array {
  const body = Buffer.allocUnsafe(bytes);
  let at = opening.length;
  body.set(opening);
  for (const [index, item] of items.entries()) {
    if (index > 0) body[at++] = 0x2c;
    body.set(item, at);
    at += item.length;
  }
  body.set(closing, at);
  return body;
}
