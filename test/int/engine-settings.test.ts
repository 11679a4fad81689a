import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { changeDestination, getDestination } from '../../src/db/destinations.ts';
import { createKeyring, rewrap, seal, settingsPlace } from '../../src/destinations/secrets.ts';
import { newWebhookSecret } from '../../src/destinations/webhook-signature.ts';
import { testDatabase } from '../support/database.ts';
import { runToEnd, secretKey } from '../support/engine.ts';
import { slowFlight } from '../support/engine-flight.ts';
import { startEngineSink } from '../support/engine-sink.ts';

const db = await testDatabase();

test('settings that are changed are used within a moment, and nothing is lost', async () => {
  const { engine, run, working } = await slowFlight(db);
  const other = await startEngineSink();
  const place = settingsPlace(engine.destinationId);
  const settings = { url: other.url, secret: newWebhookSecret() };
  await changeDestination(db, engine.destinationId, {
    settingsSealed: seal(settings, place, createKeyring(secretKey)),
  });
  expect(await working).toEqual([{ kind: 'more' }]);
  expect((await runToEnd(engine, run)).endedAs).toBe('completed');
  expect(other.arrivals.length).toBeGreaterThan(0);
  expect(engine.sink.arrivals.length + other.arrivals.length).toBe(400);
  expect(new Set([...engine.sink.taken().keys(), ...other.taken().keys()]).size).toBe(400);
});

test('another key around the same settings is no change: the slice goes on, and nothing is cut off', async () => {
  const { engine, working } = await slowFlight(db);
  const place = settingsPlace(engine.destinationId);
  const { settingsSealed } = (await getDestination(db, engine.destinationId))!;
  const keys = createKeyring(randomBytes(32).toString('base64'), secretKey);
  await changeDestination(db, engine.destinationId, {
    settingsSealed: rewrap(settingsSealed, place, keys),
  });
  const before = engine.sink.arrivals.length;
  await engine.sink.arrived(before + 60); // a commit or two, which read what is wanted
  engine.sink.answer = () => 200;
  expect(await working).toEqual([{ kind: 'done' }]);
  expect([...engine.sink.taken().values()]).toEqual(Array.from({ length: 400 }, () => 1));
});
