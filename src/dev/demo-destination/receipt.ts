import { createHash } from 'node:crypto';

/** One event that arrived. */
export interface Receipt {
  readonly atMs: number;
  /** What makes a second arrival a duplicate. */
  readonly id: string;
  /** Whose order it belongs to; null for an event of no one. */
  readonly user: string | null;
  /** Its place in that order: when Reprise received it, else when it happened. Milliseconds since 1970. */
  readonly orderMs: number | null;
  readonly type: string;
  readonly name: string | null;
}

/**
 * The events of a delivery's body: one event, or an array of them. A single event is known by its `webhook-id`; in an array, whose one
 * id stands for all of them, by its messageId.
 * @returns null when the body is no JSON or holds something else than events
 */
export function receiptsOf(body: Buffer, webhookId: string | undefined, atMs: number): Receipt[] | null {
  const parsed = parse(body);
  const events = Array.isArray(parsed) ? parsed : [parsed];
  if (!events.every(isRecord)) return null;
  const single = Array.isArray(parsed) ? undefined : webhookId;
  return events.map((event) => ({
    atMs,
    id:
      single ?? text(event['messageId']) ?? createHash('sha256').update(JSON.stringify(event)).digest('hex'),
    user: text(event['userId']) ?? text(event['anonymousId']),
    orderMs: time(event['receivedAt']) ?? time(event['timestamp']),
    type: text(event['type']) ?? 'unknown',
    name: text(event['event']) ?? text(event['name']),
  }));
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function time(value: unknown): number | null {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}
