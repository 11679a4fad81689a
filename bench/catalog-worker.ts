// One side of `bench/catalog.ts`, in a process of its own.
//   node bench/catalog-worker.ts <bare|sender> <sink> <batchSize> <events>
// `bare` calls the definition's code as the catalog's framework offers it, with its default client; `sender` goes the way
// of every delivery: a child maps and runs the code, this process sends what it asks for.
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { readCatalogDocument } from '../src/destinations/catalog/read.ts';
import { packageDestination } from '../src/destinations/catalog/definition.ts';
import { loadPackageDefinition } from '../src/destinations/catalog/load.ts';
import { parseEgressAllow } from '../src/destinations/egress-address.ts';
import type { Delivery } from '../src/destinations/definition.ts';

const [side, sink] = [process.argv[2]!, process.argv[3]!];
const [batchSize, events] = process.argv.slice(4).map(Number) as [number, number];
const type = 'actions-klime';
const actionId = randomUUID();
const settings = { apiEndpoint: sink, writeKey: 'bench' };
const preset = readCatalogDocument(type)!.presets[0]!;
const mapping = { ...preset.mapping, enable_batching: batchSize > 1, batch_size: batchSize };
const concurrency = 8;

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
    executeAction(name: string, input: object): Promise<unknown>;
    executeBatch(name: string, input: object): Promise<readonly { readonly status: number }[]>;
  };
}

/** What sends a batch of events. @returns how many were taken */
type Send = (first: number, count: number) => Promise<number>;

function bare(): Send {
  const { Destination } = createRequire(import.meta.url)('@segment/actions-core') as Framework;
  // The framework's validator takes no name with spaces; this one has none.
  const destination = new Destination(loadPackageDefinition(type)!);
  const input = { mapping, settings, auth: {}, features: {}, statsContext: {} };
  return async (first, count) => {
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

function throughSender(): Send {
  const sender = packageDestination(readCatalogDocument(type)!).open(settings, {
    egress: parseEgressAllow(['127.0.0.1/32']),
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
    const outcomes = await sender.send(deliveries, { mayWrite: () => true });
    return outcomes.filter(({ kind }) => kind === 'delivered').length;
  };
}

const send = side === 'bare' ? bare() : throughSender();
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
