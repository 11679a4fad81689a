/** How a slice's work ended. */
export type SliceEnd =
  /** canary: the lane's share of the first events is sent. */
  | { readonly kind: 'more' | 'done' | 'canary' | 'stopped' | 'gone' }
  | { readonly kind: 'held' | 'waiting'; readonly wakeInMs: number }
  /** A stream at the head; null: nothing of it waits. */
  | { readonly kind: 'idle'; readonly wakeInMs: number | null };
