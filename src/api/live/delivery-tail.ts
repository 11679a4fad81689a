import { heartbeatMs, type LiveConnection } from './connections.ts';
import type { DeliveryFeed, News } from './delivery-feed.ts';
import { TailQueue } from './tail-queue.ts';

/** Which deliveries a follower hears of; an absent member limits nothing. */
export interface DeliveryChoice {
  readonly destinationId?: string;
  readonly kind?: 'stream' | 'replay';
}

/** A look may tell of every destination at once, and is not to be cut. */
const bounds = { perSecond: Infinity, most: 1_000, mostText: 1_000_000 };

/** Writes what becomes of deliveries, from now on, until the connection ends. */
export async function followDeliveries(
  feed: DeliveryFeed,
  { until, write }: LiveConnection,
  { destinationId, kind }: DeliveryChoice,
): Promise<void> {
  const queue = new TailQueue(bounds);
  let told = 0;
  let wake: () => void = () => undefined;
  const hear = (news: readonly News[]) => {
    for (const one of news) {
      if (destinationId !== undefined && one.destinationId !== destinationId) continue;
      if (kind !== undefined && one.kind !== kind) continue;
      queue.offer(
        (told += 1),
        () => `event: deliveries\ndata: ${JSON.stringify(one)}\n\n`,
        performance.now(),
      );
    }
    wake();
  };
  const leave = await feed.join(hear);
  const onEnd = () => wake();
  until.addEventListener('abort', onEnd);
  try {
    await write(`event: following\ndata: ${JSON.stringify({ since: new Date().toISOString() })}\n\n`);
    while (!until.aborted) {
      const text = nextOf(queue);
      if (text !== null) {
        await write(text);
        continue;
      }
      const { promise, resolve } = Promise.withResolvers<'news' | 'silence'>();
      wake = () => resolve('news');
      const waitMs = Math.min(heartbeatMs, queue.dueInMs(performance.now()));
      const timer = setTimeout(resolve, waitMs, 'silence');
      const came = await promise;
      clearTimeout(timer);
      if (came !== 'news' && queue.empty) await write(': still here\n\n');
    }
  } finally {
    until.removeEventListener('abort', onEnd);
    leave();
  }
}

function nextOf(queue: TailQueue): string | null {
  const entry = queue.take(performance.now());
  if (entry === null) return null;
  if ('shown' in entry) return entry.shown.text;
  const { reason, events } = entry.skipped;
  return `event: skipped\ndata: ${JSON.stringify({ reason, changes: events })}\n\n`;
}
