import type { Outcome } from '../core/outcome.ts';
import type { Delivery } from './definition.ts';
import { segmentBatch } from './segment-batch.ts';

/** The largest event that Segment takes, in bytes. Source: segment-docs, http-api, max request size. */
const segmentEventBytes = 32 * 1_024;
/** Others that speak its API have limits of their own, often larger ones, and say in their answers what they refuse. */
const ownHosts = /(^|\.)(segment\.io|segment\.com|segmentapis\.com)$/;
/** What stands around the one item of a batch. */
const aroundBytes = '{"batch":[]}'.length;

/** The largest event that goes to a tracking API; null: it says itself what is too large. */
export function eventLimit(endpoint: string): number | null {
  return ownHosts.test(new URL(endpoint).hostname) ? segmentEventBytes : null;
}

/** Sends those deliveries that are not too large; the others are dead letters and cost their neighbours nothing. */
export async function withoutLargeItems(
  deliveries: readonly Delivery[],
  limit: number | null,
  send: (deliveries: readonly Delivery[]) => Promise<Outcome[]>,
): Promise<Outcome[]> {
  const sizes = deliveries.map((delivery) => (limit === null ? 0 : itemBytes(delivery)));
  const isLarge = (index: number) => limit !== null && sizes[index]! > limit;
  const rest = deliveries.filter((_, index) => !isLarge(index));
  const sent = (rest.length === 0 ? [] : await send(rest)).values();
  return deliveries.map((_, index): Outcome => {
    if (!isLarge(index)) return sent.next().value!;
    const message = `The event has ${sizes[index]} bytes, and Segment takes ${limit}.`;
    return { kind: 'invalid', failure: { errorClass: 'event_too_large', message } };
  });
}

function itemBytes(delivery: Delivery): number {
  const { raw } = delivery.event;
  // What completes an event is never as long as that: most events need not be put together twice.
  return raw.length < segmentEventBytes / 2 ? raw.length : segmentBatch([delivery]).body.length - aroundBytes;
}
