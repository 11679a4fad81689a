import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test, vi } from 'vitest';
import { openDatabase, type Database } from '../../src/db/database.ts';
import { append, countsOf, newEngine, newReplay, runSlice, turns } from '../support/engine.ts';
import { testFolder } from '../support/folder.ts';
import { openPostgres } from '../support/own-postgres.ts';
import { canMount, databaseOn, openSmallDisk } from '../support/small-disk.ts';

const folder = testFolder();
chmodSync(folder, 0o755); // as root, Postgres runs as a user of its own
const postgres = await openPostgres(join(folder, 'postgres'));
afterAll(() => postgres.stop());

const events = 4_000;

/** Counts the commits that fail because the disk is full. */
function counting(db: Database) {
  const full = { times: 0 };
  const counted: Database = {
    ...db,
    transaction: (work) =>
      db.transaction(work).catch((error: unknown) => {
        if ((error as { code?: unknown }).code === '53100') full.times++;
        throw error;
      }),
  };
  return { full, counted };
}

test.skipIf(!canMount())(
  'the disk of Postgres fills up in mid replay: nothing is sent that cannot be written down, and nothing twice',
  async () => {
    const disk = await openSmallDisk(join(folder, 'small'), postgres.cluster, 128);
    const small = await databaseOn(postgres, disk);
    const db = openDatabase({ url: small.url, name: 'test' });
    onTestFinished(async () => {
      await db.close();
      await small.drop();
      await disk.close();
    });
    const engine = await newEngine(db, { settings: { concurrency: 4 } });
    await append(engine, turns(events, 400));
    // What is delivered is a bit in a row that is there; each of the others is a row of its own.
    const isRefused = (messageId: string) => Number(messageId.slice(1)) % 20 === 0;
    engine.sink.answer = ({ messageId }) => ({ status: isRefused(messageId) ? 422 : 200, afterMs: 5 });
    const run = await newReplay(engine);
    const { full, counted } = counting(db);
    // One slice over all of it: how long the disk stays full depends on the machine.
    const working = runSlice(engine, run, { db: counted, timing: { sliceMs: 300_000 } });
    working.catch(() => undefined);
    await engine.sink.arrived(100);
    await disk.fill();
    const failed = async (times: number) =>
      await vi.waitFor(() => expect(full.times).toBeGreaterThanOrEqual(times), { timeout: 30_000 });
    await failed(1);
    await vi.waitFor(() => expect(engine.sink.open).toBe(0), { timeout: 5_000, interval: 1 });
    const sent = engine.sink.arrivals.length;
    await failed(full.times + 30); // for longer than a lease
    expect(engine.sink.arrivals).toHaveLength(sent);
    expect(sent).toBeLessThan(events);
    await disk.clear();
    expect(await working).toEqual({ kind: 'done' });
    const refused = events / 20;
    expect([...engine.sink.taken().values()]).toEqual(Array.from({ length: events - refused }, () => 1));
    expect(await countsOf(engine, run)).toEqual({ delivered: events - refused, dead: refused });
  },
);
