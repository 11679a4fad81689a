import { importArrival, readImportedLine } from '../../core/imported-line.ts';
import { depthOf } from '../../core/json-scan.ts';
import type { KeptArrival } from '../../core/kept-arrival.ts';
import { parseJson } from '../../core/malformed-json.ts';
import { readEvent, rejectedEvent, type NewEvent, type RejectedEvent } from '../../core/new-event.ts';
import { maxEventDepth } from '../../core/rejection.ts';
import { arrivalOf, inheritedValue, type Sender } from './received.ts';
import { readOperation } from './track-api/received.ts';

/** A rejected event that is about to be read again. */
export interface KeptEvent {
  readonly raw: Uint8Array;
  readonly receivedAt: Date;
  readonly arrival: Exclude<KeptArrival, { door: 'csv' }>;
  /** As it is now. */
  readonly source: Sender;
}

export type ReadAgain =
  | { readonly events: readonly NewEvent[]; readonly rejected?: never }
  | { readonly rejected: RejectedEvent; readonly events?: never };

/**
 * Reads a rejected event as its door does now, as if it came again at the time at which it came: with its receivedAt,
 * what its batch gave to it, and a new messageId only if it has none.
 */
export function readAgain({ raw, receivedAt, arrival, source }: KeptEvent): ReadAgain {
  if (depthOf(raw, maxEventDepth) > maxEventDepth) {
    return rejectedEvent('event_too_deep', raw, null, { ...source, receivedAt });
  }
  const live = arrivalOf(source, receivedAt);
  const value = parseJson(raw);
  if (value === undefined) return rejectedEvent('malformed_json', raw, null, live);
  switch (arrival.door) {
    case 'tracking_api': {
      const { type, sentAt, context, integrations } = arrival;
      return one(
        readEvent(value, raw, type, {
          ...live,
          sentAt: sentAt === null ? null : new Date(sentAt),
          batch: { context, integrations },
          integrations: inheritedValue(integrations),
        }),
      );
    }
    case 'track_api':
      return readOperation(raw, value, arrival, live);
    case 'import': {
      const read = readImportedLine(raw, {
        ...source,
        ...importArrival(source.sourceId, receivedAt, () => arrival.messageId),
      });
      return read === null ? rejectedEvent('malformed_json', raw, null, live) : one(read);
    }
  }
}

function one({ event, rejected }: ReturnType<typeof readEvent>): ReadAgain {
  return event === undefined ? { rejected } : { events: [event] };
}
