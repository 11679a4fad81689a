import type { Database } from '../../src/db/database.ts';
import { append, newEngine, newReplay, runSlice, turns } from './engine.ts';

/** A replay of 400 events of 100 users, of which four a tenth of a second leave: some are on their way. */
export async function slowFlight(db: Database, lanes = 1) {
  const engine = await newEngine(db, { settings: { concurrency: 4 } });
  await append(engine, turns(400, 100));
  engine.sink.answer = () => ({ status: 200, afterMs: 100 });
  const run = await newReplay(engine, { pace: { lanes } });
  const working = Promise.all(Array.from({ length: lanes }, (_, lane) => runSlice(engine, run, { lane })));
  await engine.sink.arrived(20);
  return { engine, run, working };
}

/** A replay at full speed of eight users, `<name>-0` to `<name>-7` in turn, of which so many events have arrived. */
export async function fullFlight(
  db: Database,
  name: string,
  { events, arrived }: { events: number; arrived: number },
) {
  const engine = await newEngine(db, { settings: { concurrency: 8 } });
  await append(
    engine,
    Array.from({ length: events }, (_, index) => `${name}-${index % 8}`),
  );
  engine.sink.answer = () => ({ status: 200, afterMs: 2 });
  const run = await newReplay(engine);
  const slice = runSlice(engine, run, { timing: { sliceMs: 60_000 } });
  await engine.sink.arrived(arrived);
  return { engine, run, slice };
}
