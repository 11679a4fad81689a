import { join } from 'node:path';
import { startWriters } from './writers.ts';
import type { ArchivedEvent } from '../../src/core/event.ts';
import type { SourceLine } from './ledger.ts';
import { until } from './until.ts';

/** Clients that send without a pause and send again what is not acknowledged, as SDKs do. */
export interface SendingClients {
  /** Answers that no SDK can bear: neither 200 nor a 503 that says when to come back. */
  readonly unbearable: readonly string[];
  /** Waits until so many requests more were answered with this status. */
  hear(requests: number, status: 200 | 503): Promise<void>;
  /** Lets each finish what it is sending. @returns everything that was answered with 200 */
  stop(): Promise<SourceLine[]>;
}

/** Starts them on a source. @param options.folder where their ledger lies */
export function startSending(options: {
  readonly apiUrl: string;
  readonly writeKey: string;
  readonly folder: string;
  readonly name: string;
}): SendingClients {
  const unbearable: string[] = [];
  const heard = new Map<number, number>();
  const countOf = (status: number) => heard.get(status) ?? 0;
  const writers = startWriters({
    ...options,
    ledgerFile: join(options.folder, `${options.name}.ledger`),
    writers: 8,
    users: 50,
    batch: 5,
    pauseMs: 15,
    onAnswer: (status, headers) => {
      const bearable = status === 200 || (status === 503 && Number(headers.get('retry-after')) > 0);
      heard.set(status, countOf(status) + 1);
      if (!bearable) unbearable.push(`${status}, Retry-After ${headers.get('retry-after')}`);
    },
  });
  return {
    unbearable,
    hear: async (requests, status) => {
      const enough = countOf(status) + requests;
      await until(
        `${requests} more are answered ${status}`,
        () => countOf(status),
        (count) => count >= enough,
      );
    },
    stop: async () => {
      await writers.stop();
      return writers.acknowledged();
    },
  };
}

/** How the archive differs from what was acknowledged, by messageId. */
export interface Difference {
  readonly lost: readonly string[];
  readonly twice: readonly string[];
  readonly changed: readonly string[];
  /** Clients that send until they are acknowledged leave nothing else behind. */
  readonly unknown: readonly string[];
}

export const noDifference: Difference = { lost: [], twice: [], changed: [], unknown: [] };

/** Compares them, byte for byte. */
export function compare(
  acknowledged: readonly SourceLine[],
  archived: readonly Pick<ArchivedEvent, 'messageId' | 'raw'>[],
): Difference {
  const sent = new Map(acknowledged.map(({ messageId, text }) => [messageId, text]));
  const isAsSent = ({ messageId, raw }: Pick<ArchivedEvent, 'messageId' | 'raw'>) =>
    Buffer.from(raw).toString() === sent.get(messageId);
  const stored = Map.groupBy(archived, ({ messageId }) => messageId);
  const ids = [...stored.keys()];
  return {
    lost: [...sent.keys()].filter((id) => !stored.has(id)),
    twice: ids.filter((id) => (stored.get(id)?.length ?? 0) > 1),
    changed: ids.filter((id) => sent.has(id) && stored.get(id)?.every(isAsSent) !== true),
    unknown: ids.filter((id) => !sent.has(id)),
  };
}
