import { join } from 'node:path';
import { expect, test } from 'vitest';
import { flawless, isTaken, judge } from '../support/checker.ts';
import type { SinkLine, SourceLine } from '../support/ledger.ts';
import type { Replay } from '../support/product.ts';
import { startSink } from '../support/sink.ts';
import { until } from '../support/until.ts';
import { openScenery } from './run.ts';
import { startWriters } from '../support/writers.ts';

const { stage, past } = await openScenery(1_000);
const destinations = 3;

test('six writers never stop while three destinations are connected and replayed: each gets every event once', async () => {
  const writers = startWriters({
    apiUrl: stage.apiUrl,
    writeKey: past.source.writeKey,
    ledgerFile: join(stage.folder, 'seam.ndjson'),
    name: 'seam',
    writers: 6,
    users: 10,
    batch: 5,
    pauseMs: 100,
  });
  const connected = [];
  for (let index = 0; index < destinations; index++) {
    const written = writers.acknowledged().length;
    await until(
      'more was written',
      () => writers.acknowledged().length,
      (count) => count > written + 100,
    );
    const sink = await startSink(stage.folder, `seam-${index}`);
    const made = await stage.call('POST', '/api/destinations', {
      type: 'webhook',
      name: `Seam ${index}`,
      settings: { url: sink.url },
    });
    const { id, seam } = made.body as { id: string; seam: number };
    const asked = await stage.call('POST', '/api/replays', { destinationId: id });
    expect(asked.status).toBe(201);
    const during = writers.acknowledged().length;
    const replay = await until(
      'the replay ends',
      async () => (await stage.call('GET', `/api/replays/${asked.body.id}`)).body as Replay,
      ({ status }) => status !== 'running',
    );
    expect(replay.status).toBe('completed');
    expect(writers.acknowledged().length).toBeGreaterThan(during); // they had not stopped
    connected.push({ id, sink, seam, replay });
  }
  await writers.stop();

  const all = [...past.lines, ...writers.acknowledged()];
  const positions = await positionsOf();
  for (const { id, sink, seam, replay } of connected) {
    const lines = await until(
      'all has arrived',
      () => sink.lines(),
      (read) => hasAll(read, all),
      { deadlineMs: 60_000 },
    );
    const old = all.filter(({ messageId }) => positions.get(messageId)! < seam);
    const live = all.filter(({ messageId }) => positions.get(messageId)! >= seam);
    expect(judge([old, live], lines)).toEqual(flawless);
    // The stream may have sent what lies behind the seam but within the range: it ends where the stream stood.
    expect(replay.counts.delivered).toBe(old.length);
    expect(live.length).toBeGreaterThan(0);
    await stage.call('DELETE', `/api/destinations/${id}`);
    await sink.stop();
  }
});

function hasAll(lines: readonly SinkLine[], wanted: readonly SourceLine[]): boolean {
  const taken = new Set(lines.filter(isTaken).map(({ messageId }) => messageId));
  return wanted.every(({ messageId }) => taken.has(messageId));
}

async function positionsOf(): Promise<Map<string, number>> {
  const rows = await stage.rows<{ message_id: string; position: string }>(
    'select message_id, position from event',
  );
  return new Map(rows.map((row) => [row.message_id, Number(row.position)]));
}
