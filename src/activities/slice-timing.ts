/** How long a slice does what. */
export interface SliceTiming {
  /** After this the slice ends although there is more; milliseconds. */
  readonly sliceMs: number;
  /** How long what is in flight may take to end when the slice must stop. */
  readonly drainMs: number;
  /** How long a stream has nothing to send before it parks. */
  readonly idleMs: number;
}

/** What a delivery process works by. */
export const defaultTiming: SliceTiming = { sliceMs: 120_000, drainMs: 8_000, idleMs: 10_000 };
