import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { RunningPostgres } from '../../src/dev/postgres.ts';
import { commandsOf, runCommand } from '../support/document.ts';
import { dumpableFolder, startDumpablePostgres } from '../support/dumpable-postgres.ts';
import { makeProductFolder } from '../support/product.ts';
import { openScene } from '../support/scene.ts';

const events = 300;
const folder = makeProductFolder();
const servers: RunningPostgres[] = [];
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  folder.remove();
});

async function newServer(name: string): Promise<RunningPostgres> {
  const dataDir = join(folder.path, name);
  mkdirSync(dataDir, { mode: 0o755 });
  const server = await startDumpablePostgres(dataDir);
  servers.push(server);
  return server;
}

const databaseOf = (server: RunningPostgres, name: string) => {
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return url.href;
};

test.skipIf(dumpableFolder === null)(
  'a dump of while a replay runs is restored elsewhere, by the commands of the guide, and the replay goes on there',
  async () => {
    const [old, other] = [await newServer('old'), await newServer('other')];
    const [dump = '', restore = ''] = commandsOf('docs/backup.md');
    const scene = await openScene({ DATABASE_URL: old.url });
    const sent = (await scene.archive(events)).map(({ messageId }) => messageId).toSorted();
    const sink = await scene.newSink();
    const { id } = await scene.replay(await scene.connect(sink), { pace: { eventsPerSecond: 50 } });
    await scene.readUntil(id, 'some have arrived', ({ counts }) => counts.delivered >= 50);

    await runCommand(dump, { DATABASE_URL: old.url }, { cwd: folder.path });
    const atDump = (await scene.read(id)).counts.delivered;
    await scene.readUntil(id, 'more have arrived', ({ counts }) => counts.delivered >= atDump + 30);
    expect(await scene.product.stop()).toBe(0);
    rmSync(join(scene.folder, 'data', 'temporal'), { recursive: true });

    const restored = databaseOf(other, 'reprise');
    await runCommand('psql "$ADMIN_URL" --quiet --command "drop database reprise"', {
      ADMIN_URL: databaseOf(other, 'postgres'), // ours has made one
    });
    await runCommand(
      restore,
      { DATABASE_URL: restored, ADMIN_URL: databaseOf(other, 'postgres') },
      { cwd: folder.path },
    );
    await scene.restart({ DATABASE_URL: restored });
    const ended = await scene.ended(id);
    expect(ended).toMatchObject({ status: 'completed', counts: { delivered: events } });
    const arrived = sink.lines().map(({ messageId }) => String(messageId));
    expect([...new Set(arrived)].toSorted()).toEqual(sent);
    expect(arrived.length - events, 'it went on from where the dump has it').toBeLessThan(events - 50);

    // New events are archived behind the old ones, and reach the destination.
    const [more] = (await scene.archive(1)).slice(-1);
    await expect
      .poll(() => sink.lines().map(({ messageId }) => messageId), { timeout: 60_000 })
      .toContain(more!.messageId);
  },
);
