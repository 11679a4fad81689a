/** Who holds a lock; empty while the holder is just writing itself down. */
export interface Holder {
  readonly pid?: number;
  readonly [info: string]: unknown;
}

export interface HeldLock {
  readonly holder?: undefined;
  /** Adds what others may read about the holder. */
  readonly tell: (info: Record<string, unknown>) => void;
  readonly release: () => void;
}

/** The command line of a running process; null when no such process runs (a zombie does not). */
export function commandOf(pid: number): string | null;

/** Takes the lock `file` at once, or says who holds it. A lock whose holder no longer runs is taken over. */
export function tryLock(file: string, info?: Record<string, unknown>): HeldLock | { readonly holder: Holder };

/** Runs `work` while holding the lock `file`; waits for it as long as another process holds it. */
export function withLock<T>(
  file: string,
  work: () => Promise<T>,
  onWait?: (holder: Holder) => void,
): Promise<T>;
