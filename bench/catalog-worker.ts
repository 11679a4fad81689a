// One side of `bench/catalog.ts`, in a process of its own.
//   node bench/catalog-worker.ts <bare|sender|client|mapping|exchange> <sink> <batchSize> <events>
// `bare` calls the definition's code as the catalog's framework offers it, with its default client; `sender` goes the way
// of every delivery: a child maps and runs the code, this process sends what it asks for. In between, with single events:
// `client` is the way of a delivery without its two processes, `mapping` maps and checks an event and sends nothing,
// `exchange` posts the event as it is with undici and does nothing else.
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { Pool } from 'undici';
import { AccountHttp } from '../src/destinations/catalog/account-http.ts';
import { ParentFetch } from '../src/destinations/catalog/child/fetch.ts';
import { JobRun } from '../src/destinations/catalog/job-run.ts';
import { readCatalogDocument } from '../src/destinations/catalog/read.ts';
import { packageDestination } from '../src/destinations/catalog/definition.ts';
import { loadPackageDefinition } from '../src/destinations/catalog/load.ts';
import { answerBytes } from '../src/destinations/catalog/plain-body.ts';
import { parseEgressAllow } from '../src/destinations/egress-address.ts';
import type { Delivery } from '../src/destinations/definition.ts';

const [side, sink] = process.argv.slice(2) as ['bare' | 'sender' | 'client' | 'mapping' | 'exchange', string];
const [batchSize, events] = process.argv.slice(4).map(Number) as [number, number];
const type = 'actions-klime';
const actionId = randomUUID();
const settings = { apiEndpoint: sink, writeKey: 'bench' };
const preset = readCatalogDocument(type)!.presets[0]!;
const mapping = { ...preset.mapping, enable_batching: batchSize > 1, batch_size: batchSize };
const concurrency = 8;
const egress = parseEgressAllow(['127.0.0.1/32']);
const gate = { mayWrite: () => true };

const bodyOf = (number: number) => ({
  type: 'track',
  event: 'Order Completed',
  userId: `user-${number % 5_000}`,
  messageId: `bench-${number}`,
  timestamp: '2026-01-01T00:00:00.000Z',
  properties: { number, filler: 'x'.repeat(700) },
  context: { library: { name: 'bench', version: '1' } },
});

interface Framework {
  readonly Destination: new (definition: unknown) => {
    readonly responses: unknown[];
    executeAction(name: string, input: object): Promise<unknown>;
    executeBatch(name: string, input: object): Promise<readonly { readonly status: number }[]>;
  };
}

/** What sends a batch of events. @returns how many were taken */
type Send = (first: number, count: number) => Promise<number>;

const input = { mapping, settings, auth: {}, features: {}, statsContext: {} };

/** As the framework makes it. Its validator takes no name with spaces; this one has none. */
function framework(definition: unknown = loadPackageDefinition(type)!) {
  const { Destination } = createRequire(import.meta.url)('@segment/actions-core') as Framework;
  return new Destination(definition);
}

function bare(): Send {
  const destination = framework();
  return async (first, count) => {
    destination.responses.length = 0; // it keeps each answer for ever, which is no matter of its client
    // As they come from an archive: texts.
    const texts = Array.from({ length: count }, (_, index) => JSON.stringify(bodyOf(first + index)));
    const parsed = texts.map((text) => JSON.parse(text) as object);
    if (batchSize === 1) {
      await destination.executeAction(preset.action, { ...input, event: parsed[0] });
      return 1;
    }
    const answers = await destination.executeBatch(preset.action, { ...input, events: parsed });
    return answers.filter(({ status }) => status < 300).length;
  };
}

/** The child's client and the parent's, with nothing between them. */
function throughClient(): Send {
  const http = new AccountHttp({ egress, connections: concurrency });
  const runs = new Map<number, JobRun>();
  const fetch = new ParentFetch((message) => {
    if (message.kind !== 'request') return;
    void runs
      .get(message.job)!
      .request(message.request, message.wanted)
      .then((told) => (told?.kind === 'answer' || told?.kind === 'broken') && fetch.settle(told));
  });
  fetch.install();
  const destination = framework();
  const account = { folder: type, settings };
  return async (number) => {
    destination.responses.length = 0;
    const event = JSON.stringify(bodyOf(number));
    runs.set(number, new JobRun({ account, work: { kind: 'test' }, http, gate }));
    await fetch.run({ id: number, definition: type, answerBytes }, () =>
      destination.executeAction(preset.action, { ...input, event: JSON.parse(event) as object }),
    );
    runs.delete(number);
    return 1;
  };
}

function mappingAlone(): Send {
  new ParentFetch(() => undefined).install();
  const definition = loadPackageDefinition(type)!;
  const perform = () => undefined;
  const action = { ...definition.actions[preset.action]!, perform };
  const destination = framework({ ...definition, actions: { [preset.action]: action } });
  return async (number) => {
    const event = JSON.parse(JSON.stringify(bodyOf(number))) as object;
    await destination.executeAction(preset.action, { ...input, event });
    return 1;
  };
}

function exchange(): Send {
  const pool = new Pool(sink, { connections: concurrency, allowH2: false });
  const headers = { 'content-type': 'application/json' };
  return async (number) => {
    const body = JSON.stringify(bodyOf(number));
    const answer = await pool.request({ path: '/', method: 'POST', headers, body });
    await answer.body.dump();
    return 1;
  };
}

function throughSender(): Send {
  const sender = packageDestination(readCatalogDocument(type)!).open(settings, {
    egress,
    destinationId: randomUUID(),
    actions: [{ actionId, action: preset.action, mapping }],
    replay: false,
  });
  const time = new Date();
  const delivery = (number: number): Delivery => ({
    name: `bench-${number}`,
    actionId,
    newId: false,
    attempt: 1,
    replayId: null,
    marker: null,
    event: {
      position: number + 1,
      receivedAt: time,
      timestamp: time,
      sourceId: actionId,
      origin: 'tracking_api',
      type: 'track',
      name: 'Order Completed',
      userId: `user-${number % 5_000}`,
      anonymousId: null,
      messageId: `bench-${number}`,
      bucket: 1,
      live: true,
      integrations: null,
      raw: Buffer.from(JSON.stringify(bodyOf(number))),
      edits: '[]',
    },
  });
  return async (first, count) => {
    const deliveries = Array.from({ length: count }, (_, index) => delivery(first + index));
    const outcomes = await sender.send(deliveries, gate);
    return outcomes.filter(({ kind }) => kind === 'delivered').length;
  };
}

const ways = { bare, sender: throughSender, client: throughClient, mapping: mappingAlone, exchange };
const send = ways[side]();
let taken = 0;
let next = 0;
const work = async (limit: number): Promise<void> => {
  while (next < limit) {
    const first = next;
    next += batchSize;
    const sent = await send(first, Math.min(batchSize, limit - first)); // before `taken` is read
    taken += sent;
  }
};
const run = async (limit: number) => {
  [taken, next] = [0, 0];
  await Promise.all(Array.from({ length: concurrency }, () => work(limit)));
  if (taken !== limit) throw new Error(`${taken} of ${limit} were taken`);
};
async function timed(): Promise<void> {
  const started = performance.now();
  await run(events);
  const seconds = (performance.now() - started) / 1_000;
  process.send?.({ perSecond: Math.round(events / seconds) });
}

await run(events); // as often as it is then measured: the code is loaded and compiled
process.send?.({ warm: true });
process.once('message', () => void timed());
process.on('disconnect', () => process.exit(0));
