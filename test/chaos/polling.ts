import { setTimeout as delay } from 'node:timers/promises';
import type { PollLine } from '../support/checker.ts';
import type { Answer } from '../support/product.ts';
import { wallClock, type Stage } from './stage.ts';

const pollMs = 200;

export type Polling = ReturnType<typeof startPolling>;

/** Reads the statuses again and again; the API may be away. */
export function startPolling(stage: Stage, destinationId: string, replayId: string) {
  const polls: PollLine[] = [];
  const over = new AbortController();
  const read = async (path: string, take: (body: Answer['body']) => void) => {
    const answer = await stage.call('GET', path).catch(() => null);
    if (answer?.status === 200) take(answer.body);
  };
  const look = async () => {
    await read(`/api/destinations/${destinationId}`, ({ stream }) => {
      polls.push({ at: wallClock(), phase: 1, cursor: stream.cursor.position });
    });
    await read(`/api/replays/${replayId}`, ({ status, statusReason, counts }) => {
      polls.push({ at: wallClock(), phase: 0, replay: { status, statusReason, counts } });
    });
  };
  const loop = async () => {
    while (!over.signal.aborted) {
      await look();
      await delay(pollMs);
    }
  };
  const working = loop();
  return {
    polls,
    /** Ends with a last look. */
    stop: async () => {
      if (over.signal.aborted) return;
      over.abort();
      await working;
      await look();
    },
  };
}
