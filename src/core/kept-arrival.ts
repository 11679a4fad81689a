import type { BatchMember } from './completed-event.ts';
import type { EventType } from './event.ts';
import type { RejectionCode } from './rejection.ts';

/** How a rejected event came, beside its bytes: what it takes to read it again. It is kept as JSON. */
export type KeptArrival =
  | {
      readonly door: 'tracking_api';
      /** Where the address said the type. */
      readonly type: EventType | null;
      /** The batch's, RFC 3339. */
      readonly sentAt: string | null;
      /** What its batch gave to it. */
      readonly context: readonly BatchMember[];
      readonly integrations: readonly BatchMember[];
    }
  | {
      readonly door: 'track_api';
      readonly isAnonymous: boolean;
      readonly attributesName: 'attributes' | 'data';
    }
  /** A line of a file; the messageId that it gets if it has none. */
  | { readonly door: 'import'; readonly messageId: string }
  /** A row of a CSV file, which says nothing without the file's header. */
  | { readonly door: 'csv' };

/** Why a rejected event cannot be sent through its door again, each with what can be done instead. */
export const retryObstacles = {
  message_id_reused:
    'Another event was archived with its messageId, and the first one counts. Have it sent again with a messageId of its own.',
  not_kept:
    'It is of a user who is suppressed, and nothing of it was kept. Have it sent again once the suppression is lifted.',
  not_json:
    'It is not JSON in UTF-8, and stays what it is however often it is read. Have it sent again, mended.',
  cut: 'Only its start is kept, because the row is too long. Import it again in rows that are shorter.',
  csv_row:
    'It is a row of a CSV file, which cannot be read without the header of its file. Import the file again as a new import: rows that are archived are not stored twice.',
  arrival_unknown:
    'It is not known how it came: it was rejected before that was kept, or its batch gave more to its events than is kept with each. Have it sent again.',
} as const;

export type RetryObstacle = keyof typeof retryObstacles;

/** @param door the one that the event came through as it was kept; null: nothing was kept */
export function retryObstacleOf(code: string, door: KeptArrival['door'] | null): RetryObstacle | null {
  if (code === ('message_id_reused' satisfies RejectionCode)) return 'message_id_reused';
  if (code === ('user_suppressed' satisfies RejectionCode)) return 'not_kept';
  if (code === ('malformed_json' satisfies RejectionCode)) return 'not_json';
  if (code === ('row_too_large' satisfies RejectionCode)) return 'cut';
  if (door === 'csv') return 'csv_row';
  return door === null ? 'arrival_unknown' : null;
}
