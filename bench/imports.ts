// A file of history is imported over the admin API while a client sends live events to the same API process at a
// steady pace: how fast the import is, and what the acknowledgements of the live events take with it and without.
//   node bench/imports.ts [events] [liveEventsPerSecond] [secondsAlone] [ndjson|csv]
import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';
import { report, withRig, type Rig } from './rig.ts';

const events = Number(process.argv[2] ?? 1_000_000);
const perSecond = Number(process.argv[3] ?? 500);
const secondsAlone = Number(process.argv[4] ?? 20);
const format = process.argv[5] === 'csv' ? 'csv' : 'ndjson';

const folder = await mkdtemp(join(tmpdir(), 'reprise-bench-file-'));
const file = join(folder, `events.${format}`);
let nextEvent = 0;

try {
  await writeFile(file);
  const { size } = await stat(file);
  await withRig(async (rig) => {
    const api = await rig.start('src/api/main.ts');
    const url = `http://127.0.0.1:${api.port}`;
    const client = new Pool(url, { connections: 32, pipelining: 1 });
    const source = await newSource(rig, client);
    const sendLive = (until: Promise<unknown>) => measure(client, source.writeKey, until);
    await sendLive(pause(3_000)); // everything has run once
    const alone = await sendLive(pause(secondsAlone * 1_000));
    const startedAt = performance.now();
    const importing = importFile(rig, url, source.id);
    const beside = await sendLive(importing);
    const seconds = (performance.now() - startedAt) / 1_000;
    const imported = await importing;
    if (imported['appended'] !== events) throw new Error(JSON.stringify(imported));
    await client.close();
    await report('imports', {
      events,
      format,
      fileMegabytes: Math.round(size / 1_048_576),
      importPerSecond: Math.round(events / seconds),
      livePerSecond: perSecond,
      acknowledgedAloneMs: alone,
      acknowledgedBesideImportMs: beside,
      p99Ratio: Number((beside.p99 / alone.p99).toFixed(2)),
    });
  });
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** Rows of about 1 kB, as an archive of another system has them. */
async function writeFile(path: string): Promise<void> {
  const handle = await open(path, 'w');
  const filler = 'x'.repeat(700);
  if (format === 'csv')
    await handle.write('type,event,userId,messageId,timestamp,properties.number,properties.filler\n');
  for (let from = 0; from < events; from += 1_000) {
    let text = '';
    for (let number = from; number < Math.min(events, from + 1_000); number++) {
      const time = new Date(Date.UTC(2024, 0, 1) + number * 1_000).toISOString();
      text +=
        format === 'csv'
          ? `track,Order Completed,user-${number % 5_000},old-${number},${time},${number},${filler}\n`
          : `{"type":"track","event":"Order Completed","userId":"user-${number % 5_000}","messageId":"old-${number}","timestamp":"${time}","receivedAt":"${time}","properties":{"number":${number},"filler":"${filler}"},"context":{"library":{"name":"bench","version":"1"}}}\n`;
    }
    await handle.write(text);
  }
  await handle.close();
}

async function newSource(rig: Rig, client: Pool): Promise<{ id: string; writeKey: string }> {
  const headers = { ...authorization(rig), 'content-type': 'application/json' };
  const body = JSON.stringify({ name: 'Live' });
  const answer = await client.request({ method: 'POST', path: '/api/sources', headers, body });
  return (await answer.body.json()) as { id: string; writeKey: string };
}

function authorization(rig: Rig): Record<string, string> {
  return { authorization: `Bearer ${rig.environment['REPRISE_ADMIN_TOKEN']}` };
}

/** Sends the file as curl does. @returns the import as it ended */
async function importFile(rig: Rig, url: string, sourceId: string): Promise<Record<string, unknown>> {
  const path = `${url}/api/imports?sourceId=${sourceId}`;
  const request = httpRequest(path, { method: 'POST', headers: authorization(rig) });
  createReadStream(file).pipe(request);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return (await json(response)) as Record<string, unknown>;
}

/** Sends single events at an even pace until something is over. @returns milliseconds to their acknowledgement */
async function measure(client: Pool, writeKey: string, over: Promise<unknown>) {
  const headers = {
    'content-type': 'application/json',
    authorization: `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`,
  };
  const latencies: number[] = [];
  const send = async (dueAt: number): Promise<void> => {
    const event = { event: 'Page Seen', userId: `live-${nextEvent % 500}`, messageId: `live-${++nextEvent}` };
    const body = JSON.stringify({ ...event, properties: { filler: 'x'.repeat(700) } });
    const answer = await client.request({ method: 'POST', path: '/v1/track', headers, body });
    await answer.body.dump();
    if (answer.statusCode !== 200) throw new Error(`the tracking API answered ${answer.statusCode}`);
    latencies.push(performance.now() - dueAt);
  };
  const ended = new AbortController();
  const end = over.finally(() => ended.abort());
  const startedAt = performance.now();
  const sends: Promise<void>[] = [];
  while (!ended.signal.aborted) {
    const due = Math.floor(((performance.now() - startedAt) * perSecond) / 1_000);
    // Each counts from when it was due: a client that is held up hides nothing.
    while (sends.length < due) sends.push(send(startedAt + ((sends.length + 1) * 1_000) / perSecond));
    await pause(1);
  }
  await end;
  await Promise.all(sends);
  const sorted = latencies.toSorted((left, right) => left - right);
  const at = (share: number) => Number(sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(1));
  return { events: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
