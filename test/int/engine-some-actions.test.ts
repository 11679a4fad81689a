import { expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { append, bitsOf, countsOf, newEngine, newReplay, runToEnd, turns } from '../support/engine.ts';

const db = await testDatabase();

test('a replay of some actions sends to those alone, and another one to the rest what it lacks', async () => {
  const engine = await newEngine(db, { actions: 2 });
  await append(engine, turns(5));
  const [first, second] = engine.actions as [string, string];
  const some = await newReplay(engine, { actions: [first] });
  await runToEnd(engine, some);
  expect(engine.sink.arrivals).toHaveLength(5);
  expect((await bitsOf(engine, some, first)).length).toBe(5);
  expect(await bitsOf(engine, some, second)).toEqual([]);

  const rest = await newReplay(engine);
  await runToEnd(engine, rest);
  expect(engine.sink.arrivals).toHaveLength(10);
  expect((await bitsOf(engine, rest, second)).length).toBe(5);
  expect(await countsOf(engine, rest)).toEqual({ delivered: 5 });
});
