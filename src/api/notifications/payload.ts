import type { OperatorEvent } from '../../db/operator-events.ts';
import { showOperatorEvent } from '../schemas/operator-event.ts';

/** An operator event as it is sent: type, timestamp and data, as Standard Webhooks has it. */
export function payloadOf(event: OperatorEvent): string {
  const { type, at, ...data } = showOperatorEvent(event);
  return JSON.stringify({ type, timestamp: at, data });
}

/** What a test sends: a type of its own, so that no receiver acts on it. @param at RFC 3339 */
export function testPayload(at: string): string {
  return JSON.stringify({ type: 'notification.test', timestamp: at, data: {} });
}
