import type { Writable } from 'node:stream';

/** One thing that is under way. */
export interface Step {
  /** A line about it while it goes on. */
  readonly note: (line: string) => void;
  /** It is done; `result` is what stays on the screen, else what was said at its start. */
  readonly done: (result?: string) => void;
  readonly fail: (result?: string) => void;
}

export interface Progress {
  /** Prints a line, above the spinner when there is one. */
  readonly say: (line: string) => void;
  readonly start: (text: string) => Step;
}

/** Several steps may run side by side; a terminal shows them in one line that moves. */
export function createProgress(stream?: Writable & { isTTY?: boolean; columns?: number }): Progress;
