import type { Logger } from 'pino';
import type { Sdk } from '../core/sdk.ts';
import { addSourceUsage, maxSdks, type CountedUsage } from '../db/source-usage.ts';
import type { Queryable } from '../db/sql.ts';

/** How often what was counted is written; milliseconds. */
const writeMs = 5_000;
/** More than so many requests whose rejected events only the append knows are not looked up at once. */
const maxDoubted = 10_000;

/** Counts what sources send, in memory: a request costs no query, and no wait. */
export interface SourceUsage {
  /** It sent a request, whatever becomes of it. */
  seen(sourceId: string, at: Date): void;
  /** So many events of it were taken in, the rejected ones among them. */
  count(
    sourceId: string,
    at: Date,
    taken: { received: number; rejected: number; sdks?: readonly Sdk[] },
  ): void;
  /** The append kept events apart by itself: perhaps some of those that came from the source then. */
  doubt(sourceId: string, receivedAt: Date): void;
  /** Writes what is left. */
  close(): Promise<void>;
}

interface Counted {
  lastSeenAt: Date;
  received: number;
  rejected: number;
  /** By name and version. */
  readonly sdks: Map<string, Sdk & { lastSeenAt: Date }>;
  readonly doubted: Date[];
}

/** Opens the counters of this process. What could not be written is written with what follows. */
export function openSourceUsage(db: Queryable, logger?: Pick<Logger, 'warn'>): SourceUsage {
  let counted = new Map<string, Counted>();
  let writing: Promise<void> | null = null;

  const of = (sourceId: string, at: Date): Counted => {
    let usage = counted.get(sourceId);
    if (usage === undefined) {
      usage = { lastSeenAt: at, received: 0, rejected: 0, sdks: new Map(), doubted: [] };
      counted.set(sourceId, usage);
    } else if (at > usage.lastSeenAt) usage.lastSeenAt = at;
    return usage;
  };
  const write = async () => {
    if (counted.size === 0) return;
    const taken = counted;
    counted = new Map();
    try {
      await addSourceUsage(db, [...taken].map(rowOf));
    } catch (error) {
      for (const [sourceId, usage] of taken) add(of(sourceId, usage.lastSeenAt), usage);
      logger?.warn({ err: error }, 'what sources sent could not be counted, it is tried again');
    }
  };
  const timer = setInterval(() => {
    writing ??= write().finally(() => (writing = null));
  }, writeMs).unref();

  return {
    seen: (sourceId, at) => void of(sourceId, at),
    count: (sourceId, at, { received, rejected, sdks = [] }) => {
      const usage = of(sourceId, at);
      usage.received += received;
      usage.rejected += rejected;
      for (const sdk of sdks) note(usage, sdk, at);
    },
    doubt: (sourceId, receivedAt) => {
      const { doubted } = of(sourceId, receivedAt);
      if (doubted.length < maxDoubted) doubted.push(receivedAt);
    },
    close: async () => {
      clearInterval(timer);
      await writing;
      await write();
    },
  };
}

/** A sender that makes up names without end fills no memory. */
function note({ sdks }: Counted, sdk: Sdk, lastSeenAt: Date): void {
  const key = `${sdk.name} ${sdk.version}`;
  const known = sdks.get(key);
  if (known !== undefined) {
    if (lastSeenAt > known.lastSeenAt) known.lastSeenAt = lastSeenAt;
  } else if (sdks.size < maxSdks) sdks.set(key, { ...sdk, lastSeenAt });
}

function add(to: Counted, from: Counted): void {
  to.received += from.received;
  to.rejected += from.rejected;
  for (const sdk of from.sdks.values()) note(to, sdk, sdk.lastSeenAt);
  to.doubted.push(...from.doubted.slice(0, maxDoubted - to.doubted.length));
}

function rowOf([sourceId, { sdks, ...usage }]: readonly [string, Counted]): CountedUsage {
  return { sourceId, ...usage, sdks: [...sdks.values()] };
}
