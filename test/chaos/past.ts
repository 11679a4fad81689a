import { openSync } from 'node:fs';
import { join } from 'node:path';
import type { SourceLine } from '../support/ledger.ts';
import { newSource, type Source, type Stage } from './stage.ts';
import { startWriters } from '../support/writers.ts';

/** What the archive holds before anything is connected. */
export interface Past {
  readonly lines: SourceLine[];
  readonly source: Source;
  /** Positions, both included. */
  readonly range: { readonly from: number; readonly to: number };
  has(messageId: string): boolean;
  /** Where every fault is written down. */
  readonly faultLog: number;
}

/** Archives so many events of a source of its own. */
export async function archivePast(stage: Stage, total: number): Promise<Past> {
  const source = await newSource(stage, 'Past');
  const ledgerFile = join(stage.folder, 'past.ndjson');
  const shape = { name: 'past', writers: 4, users: 25, batch: 100, pauseMs: 0, total };
  const writers = startWriters({ apiUrl: stage.apiUrl, writeKey: source.writeKey, ledgerFile, ...shape });
  await writers.stop();
  const lines = writers.acknowledged();
  const ids = new Set(lines.map(({ messageId }) => messageId));
  return {
    lines,
    source,
    range: { from: 1, to: total },
    has: (messageId) => ids.has(messageId),
    faultLog: openSync(join(stage.folder, 'faults.ndjson'), 'a'),
  };
}
