// From the tracking API's acknowledgement to the receipt at a destination, alone and while a replay runs flat out to
// another destination. Processes as in production: API, orchestration, two delivery workers.
//   node bench/live-latency.ts [seconds] [eventsPerSecond] [rounds] [archived]
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadavg } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';
import { getReplay } from '../src/db/replays.ts';
import { openReplay } from './replays.ts';
import { fill, median, report, say, withRig, type Rig } from './rig.ts';

const seconds = Number(process.argv[2] ?? 20);
const perSecond = Number(process.argv[3] ?? 500);
const rounds = Number(process.argv[4] ?? 3);
const archived = Number(process.argv[5] ?? 500_000);

/** When each event was received first, by messageId, on this process's clock. */
const received = new Map<string, number>();
let nextEvent = 0;

await withRig(async (rig) => {
  await fill(rig.db, archived);
  await rig.start('src/workers/orchestration.ts');
  const workers = [await rig.start('src/workers/delivery.ts'), await rig.start('src/workers/delivery.ts')];
  const api = await rig.start('src/api/main.ts');
  const liveSink = await openLiveSink();
  const replaySink = await rig.start('bench/sink.ts');
  const client = new Pool(`http://127.0.0.1:${api.port}`, { connections: 32, pipelining: 1 });
  const writeKey = await connect(rig, client, `http://127.0.0.1:${liveSink.port}/hook`);
  await measure(client, writeKey, 3); // everything has run once
  const results = [];
  for (let round = 0; round < rounds; round++) {
    const alone = await measure(client, writeKey, seconds);
    const settings = { url: `http://127.0.0.1:${replaySink.port}/hook`, concurrency: 16 };
    const { replayId } = await openReplay(rig, { settings, upTo: archived });
    const before = await settledOf(rig, replayId, (settled) => settled > 0);
    const startedAt = performance.now();
    const besideReplay = await measure(client, writeKey, seconds);
    const after = await settledOf(rig, replayId, () => true);
    const replayPerSecond = Math.round(((after - before) * 1_000) / (performance.now() - startedAt));
    if (after === archived)
      throw new Error('the replay was over before the measurement: archive more events');
    await settledOf(rig, replayId, (settled) => settled === archived);
    results.push({ besideReplay, alone, replayPerSecond, load: Number(loadavg()[0]?.toFixed(1)) });
    say(results.at(-1)!);
  }
  await report('live-latency', {
    seconds,
    perSecond,
    deliveryWorkers: workers.length,
    medianP99Ms: median(results.map(({ besideReplay }) => besideReplay.p99)),
    medianP99AloneMs: median(results.map(({ alone }) => alone.p99)),
    rounds: results,
  });
  await client.close();
  liveSink.close();
});

async function openLiveSink() {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const at = performance.now();
      const { messageId } = JSON.parse(Buffer.concat(parts).toString()) as { messageId: string };
      if (!received.has(messageId)) received.set(messageId, at);
      response.writeHead(200, { 'content-length': '2' });
      response.end('ok');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

/** Makes a source, and a webhook that takes its events live. @returns the source's write key */
async function connect(rig: Rig, client: Pool, url: string): Promise<string> {
  const call = async (path: string, body: unknown) => {
    const authorization = `Bearer ${rig.environment['REPRISE_ADMIN_TOKEN']}`;
    const headers = { authorization, 'content-type': 'application/json' };
    const answer = await client.request({ method: 'POST', path, headers, body: JSON.stringify(body) });
    const made = (await answer.body.json()) as { id: string; writeKey: string };
    if (answer.statusCode !== 201) throw new Error(`${path}: ${JSON.stringify(made)}`);
    return made;
  };
  const source = await call('/api/sources', { name: 'Live' });
  await call('/api/destinations', { type: 'webhook', name: 'Live', settings: { url }, sources: [source.id] });
  return source.writeKey;
}

/** Sends single events at an even pace. @returns milliseconds from acknowledgement to receipt */
async function measure(client: Pool, writeKey: string, duration: number) {
  const headers = {
    'content-type': 'application/json',
    authorization: `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`,
  };
  const acknowledged = new Map<string, number>();
  const send = async (): Promise<void> => {
    const messageId = `live-${++nextEvent}`;
    const event = { event: 'Page Seen', userId: `live-${nextEvent % 500}`, messageId };
    const body = JSON.stringify({ ...event, properties: { filler: 'x'.repeat(700) } });
    const answer = await client.request({ method: 'POST', path: '/v1/track', headers, body });
    await answer.body.dump();
    if (answer.statusCode !== 200) throw new Error(`the tracking API answered ${answer.statusCode}`);
    acknowledged.set(messageId, performance.now());
  };
  const startedAt = performance.now();
  const sends: Promise<void>[] = [];
  while (sends.length < duration * perSecond) {
    const due = Math.floor(((performance.now() - startedAt) * perSecond) / 1_000);
    while (sends.length < due) sends.push(send());
    await pause(5);
  }
  await Promise.all(sends);
  const deadline = performance.now() + 30_000;
  while ([...acknowledged.keys()].some((id) => !received.has(id))) {
    if (performance.now() > deadline) throw new Error('acknowledged events did not arrive');
    await pause(50);
  }
  const latencies = [...acknowledged].map(([id, at]) => Math.max(0, received.get(id)! - at));
  const sorted = latencies.toSorted((left, right) => left - right);
  const at = (share: number) => Number(sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(1));
  return { events: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

/** How many events of a replay are settled, once that is as wanted. */
async function settledOf(rig: Rig, replayId: string, wanted: (settled: number) => boolean): Promise<number> {
  for (;;) {
    const replay = await getReplay(rig.db, replayId);
    const settled = replay?.lanes[0]?.counts.events.delivered ?? 0;
    if (wanted(settled)) return settled;
    await pause(100);
  }
}
