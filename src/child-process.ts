/**
 * The contract between a process of Reprise and the one that started it (`npm start`, a test): the child says when it
 * serves, and ends when it is told to or when its parent is gone. A process started by hand or by a container has no
 * parent that listens; it then ends on signals alone.
 */

/** The flags of Node that each process of Reprise is started with. */
export const nodeFlags: readonly string[] = [
  // V8 lets a heap that may become 2 GB or more grow to four times what lives in it before it collects all of it, a
  // smaller one to less than twice: a third less memory for a tenth more time. Source: v8, src/heap/memory-controller.cc.
  '--max-old-space-size=1536',
  // Temporal's SDK uses AsyncLocalStorage, which makes each promise and timer dearer. In this form, the rule from Node 24
  // on, it costs next to nothing. Source: nodejs.org/api/cli.html.
  '--experimental-async-context-frame',
];

/**
 * Of a heap's youngest part, where V8 keeps up to 48 MB that mostly is garbage already: a delivery worker with two children
 * that run the catalog's code takes 296 MB instead of 382, for some 5 % more time of its own and 15 % of the children's.
 */
const smallYoungHeap = '--max-semi-space-size=4';

/** The flags of Node for a process by its module: those that deliver keep to less memory, as there are many of them. */
export function flagsOf(entry: string): readonly string[] {
  return /\bdelivery\.[jt]s$/.test(entry) ? [...nodeFlags, smallYoungHeap] : nodeFlags;
}

/** How long a process may take to end before it is cut off, in milliseconds: a worker's drain of 8 s fits in. */
export const shutdownDeadlineMs = 10_000;

/** What a process says when it is ready to serve. */
export interface ReadyMessage {
  readonly ready: true;
  /** The port that it listens on, when it listens on one. */
  readonly port?: number;
  /** The port that it tells its metrics on, when there is one. */
  readonly metricsPort?: number;
}

/** Tells the parent that this process serves now. Does nothing when no parent listens. */
export function announceReady(info: Omit<ReadyMessage, 'ready'> = {}): void {
  const message: ReadyMessage = { ready: true, ...info };
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

/**
 * Runs `handler` once, at the first SIGTERM, SIGINT or loss of the parent, and ends the process when it is done: exit
 * code 0, or 1 when the handler throws or takes longer than 10 s. Later signals change nothing, because npm, a
 * terminal and a process manager may each pass on the same one. Call it once, before `announceReady`.
 */
export function onShutdown(handler: () => Promise<void>): void {
  let begun = false;
  const begin = () => {
    if (begun) return;
    begun = true;
    setTimeout(() => process.exit(1), shutdownDeadlineMs);
    void end(handler);
  };
  process.on('SIGTERM', begin);
  process.on('SIGINT', begin);
  process.on('disconnect', begin);
  const parentDied = 'connected' in process && !process.connected; // while this process was starting
  if (parentDied) begin();
}

async function end(handler: () => Promise<void>): Promise<void> {
  try {
    await handler();
    process.exit(0);
  } catch (error) {
    process.stderr.write(`shutdown failed: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  }
}
