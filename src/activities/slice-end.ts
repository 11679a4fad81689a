/** How a slice's work ended. */
export type SliceEnd =
  /** canary: the lane's share of the first events is sent. */
  | { readonly kind: 'more' | 'done' | 'canary' | 'stopped' | 'gone' }
  | { readonly kind: 'held' | 'waiting'; readonly wakeInMs: number }
  /** A stream at the head; null: nothing of it waits. */
  | { readonly kind: 'idle'; readonly wakeInMs: number | null };

/** How a lane that rests after its slice is written down; null: it is to be worked on. */
export function restingState({ kind }: SliceEnd) {
  switch (kind) {
    case 'done':
    case 'canary':
    case 'held':
    case 'waiting':
      return kind;
    case 'idle':
      return 'parked';
    default:
      return null;
  }
}
