import { cuttableMembers } from '../core/completed-event.ts';
import { withMessageId } from '../core/other-message-id.ts';
import { completedList, completingEdits, partOf, type Part } from './completed-body.ts';
import type { Delivery } from './definition.ts';
import { deliveryId } from './delivery-id.ts';

/** The limit of a batch, as Segment has it. Source: segment-docs, http-api, batch. */
const maxBatchBytes = 500 * 1_024;
const form = { opening: '{"batch":[', closing: ']}', limit: maxBatchBytes, cut: cuttableMembers };

/**
 * A batch of as many deliveries as fit into one. The items have the corrected time and no trace of when they were sent
 * or received: a receiver computes an event's time anew from these, and would put the past on today.
 * @returns how many of the deliveries are in it, from the first on; at least one
 */
export function segmentBatch(deliveries: readonly Delivery[]): { body: Uint8Array; count: number } {
  return completedList(deliveries.map(itemOf), form);
}

function itemOf(delivery: Delivery): Part {
  const { event, name, newId } = delivery;
  if (!newId) return partOf(delivery);
  return partOf(delivery, withMessageId(event.raw, completingEdits(delivery), deliveryId(name)));
}
