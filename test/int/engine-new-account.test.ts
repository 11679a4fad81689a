import { expect, test } from 'vitest';
import { forgetAccount, openStreamRun } from '../../src/db/streams.ts';
import { testDatabase } from '../support/database.ts';
import {
  append,
  connect,
  countsOf,
  newEngine,
  newReplay,
  runSlice,
  runToEnd,
  turns,
} from '../support/engine.ts';

const db = await testDatabase();

test('what an account was sent is missing at the one that follows it, once', async () => {
  const engine = await newEngine(db);
  const stream = await connect(engine);
  await append(engine, turns(10));
  await runToEnd(engine, stream);
  await db.transaction((tx) => forgetAccount(tx, engine.destinationId));

  const replay = await newReplay(engine);
  await runToEnd(engine, replay);
  expect(await countsOf(engine, replay)).toEqual({ delivered: 10 });
  const again = await newReplay(engine);
  await runToEnd(engine, again);
  expect(await countsOf(engine, again)).toEqual({ alreadyDelivered: 10 });
});

test('what the old account got above the mark is sent to the new one by the stream', async () => {
  const engine = await newEngine(db);
  const stream = await connect(engine);
  const [slow, ...others] = await append(engine, turns(10, 10));
  engine.sink.answer = ({ messageId }) => (messageId === slow!.messageId ? 'never' : 200);
  const stop = new AbortController();
  const slice = runSlice(engine, stream, { signal: stop.signal, timing: { drainMs: 50 } });
  await engine.sink.arrived(10);
  stop.abort();
  await slice;
  engine.sink.answer = () => 200;

  await db.transaction((tx) => forgetAccount(tx, engine.destinationId));
  const next = await openStreamRun(db, engine.destinationId);
  expect(next!.id).not.toBe(stream);
  await runToEnd(engine, next!.id);
  expect(await countsOf(engine, next!.id)).toEqual({ delivered: 10 });
  for (const { messageId } of others) expect(engine.sink.taken().get(messageId)).toBe(2);
});
