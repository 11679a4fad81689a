import { onTestFinished } from 'vitest';
import type { Sender } from '../../src/destinations/definition.ts';
import { segment } from '../../src/destinations/segment.ts';
import { loopback } from './webhook-sender.ts';

export const segmentKey = 'wk_of_the_receiver';

/** A sender to a tracking API on loopback; it is closed with the test. */
export function openSegment(endpoint: string, settings: Record<string, unknown> = {}): Sender {
  const complete = segment.settings.parse({ endpoint, writeKey: segmentKey, ...settings });
  const sender = segment.open(complete, { egress: loopback });
  onTestFinished(() => sender.close());
  return sender;
}
