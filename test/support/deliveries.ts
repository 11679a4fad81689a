import { randomUUID } from 'node:crypto';
import type { Delivery, SendGate } from '../../src/destinations/definition.ts';

/** A delivery of one event with these bytes, as an engine hands it to a sender. */
export function deliveryOf(raw: string, overrides: Partial<Delivery> = {}): Delivery {
  const time = new Date();
  return {
    name: randomUUID(),
    actionId: randomUUID(),
    newId: false,
    attempt: 1,
    replayId: null,
    marker: null,
    event: {
      position: 1,
      receivedAt: time,
      timestamp: time,
      sourceId: randomUUID(),
      origin: 'tracking_api',
      type: 'track',
      name: 'Order Completed',
      userId: 'u1',
      anonymousId: null,
      messageId: randomUUID(),
      bucket: 1,
      live: true,
      integrations: null,
      raw: Buffer.from(raw),
      edits: '[]',
    },
    ...overrides,
  };
}

export const openGate: SendGate = { mayWrite: () => true };
