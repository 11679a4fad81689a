import { expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { append, countsOf, newEngine, newReplay, runSlice, runToEnd, turns } from '../support/engine.ts';

const db = await testDatabase();

test('a slice whose time is over cuts off nothing that is under way', async () => {
  const engine = await newEngine(db);
  await append(engine, turns(8, 8));
  const run = await newReplay(engine);
  engine.sink.answer = () => ({ status: 200, afterMs: 2_500 });
  const timing = { sliceMs: 50, drainMs: 100 };
  expect(await runSlice(engine, run, { timing })).toEqual({ kind: 'more' });
  await runToEnd(engine, run, { timing });
  expect(engine.sink.arrivals).toHaveLength(8);
  expect(await countsOf(engine, run)).toEqual({ delivered: 8 });
});

test('a slow answer holds nobody else up when the time of the slice is over', async () => {
  const engine = await newEngine(db, { settings: { concurrency: 4 } });
  const [slow] = await append(engine, ['slow', ...turns(600, 60)]);
  const run = await newReplay(engine);
  const answered = Promise.withResolvers<void>();
  engine.sink.answer = ({ messageId }) =>
    messageId === slow!.messageId ? { status: 200, after: answered.promise } : { status: 200, afterMs: 20 };
  const working = runSlice(engine, run, { timing: { sliceMs: 1_200, drainMs: 100 } });
  await engine.sink.arrived(601);
  answered.resolve();
  await working;
  await runToEnd(engine, run);
  expect(engine.sink.arrivals).toHaveLength(601);
  expect(await countsOf(engine, run)).toEqual({ delivered: 601 });
});
