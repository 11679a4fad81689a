import { join } from 'node:path';
import pg from 'pg';
import { afterAll, expect } from 'vitest';
import { openClient, type Client, type SendOptions } from './analytics.ts';
import type { SourceLine } from './ledger.ts';
import { makeProductFolder, startProduct, type Product, type Replay } from './product.ts';
import { startSink, type Sink } from './sink.ts';
import { temporalHttp, type TemporalHttp } from './temporal-http.ts';
import { until } from './until.ts';

/** A running product, with what a test needs to send to it, to let it deliver and to look at it. */
export interface Scene {
  readonly folder: string;
  /** The product as it was started last. */
  readonly product: Product;
  readonly temporal: TemporalHttp;
  /** A client of a source; its ledger goes on over restarts. Without a name, that of the source there is from the start. */
  client(source?: Source): Client;
  /** Sends so many events from the first source. @returns all that it has sent so far */
  archive(events: number, options?: SendOptions): Promise<SourceLine[]>;
  newSource(name: string): Promise<Source>;
  /** Starts the product again in the same folder; it must have been stopped. */
  restart(env?: Readonly<Record<string, string>>): Promise<void>;
  newSink(): Promise<Sink>;
  /** Connects a sink as a webhook. @returns the id of the destination */
  connect(sink: Sink, more?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Asks for a replay, which must be accepted. */
  replay(destinationId: string, more?: Readonly<Record<string, unknown>>): Promise<Replay>;
  /** Reads a replay, whose counts must add up. */
  read(replayId: string): Promise<Replay>;
  /** Reads a replay until it is as wanted. */
  readUntil(replayId: string, what: string, isSo: (replay: Replay) => boolean): Promise<Replay>;
  /** Waits until a replay is over. */
  ended(replayId: string): Promise<Replay>;
  /** What only the rows tell. */
  rows<Row>(text: string, values: readonly unknown[]): Promise<Row[]>;
}

export interface Source {
  readonly id: string;
  readonly writeKey: string;
}

const openStatuses = new Set(['planned', 'running', 'pausing', 'paused', 'cancelling']);
const deadlineMs = 120_000;

/** Starts the product; everything ends with the test file. To be called while the file loads, not in a hook. */
export async function openScene(env: Readonly<Record<string, string>> = {}): Promise<Scene> {
  const made = makeProductFolder();
  const folder = made.path;
  const cleanUp: (() => unknown)[] = [() => made.remove()];
  afterAll(async () => {
    for (const step of cleanUp.toReversed()) await step();
  });
  let product = await startProduct({ folder, env });
  cleanUp.push(() => product.stop());
  const newSource = async (name: string) =>
    (await product.call('POST', '/api/sources', { name })).body as Source;
  const first = await newSource('Shop');
  const client = (source = first) =>
    openClient(product.apiUrl, source.writeKey, join(folder, `source-${source.id}.ndjson`));
  let sinks = 0;
  const read = async (replayId: string) => {
    const answer = await product.call('GET', `/api/replays/${replayId}`);
    expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200 });
    addsUp(answer.body as Replay);
    return answer.body as Replay;
  };
  const readUntil = (replayId: string, what: string, isSo: (replay: Replay) => boolean) =>
    until(what, () => read(replayId), isSo, { deadlineMs });
  return {
    folder,
    get product() {
      return product;
    },
    get temporal() {
      return temporalHttp(product.temporalUrl);
    },
    client,
    archive: async (events, options) => {
      const sender = client();
      await sender.send(events, options);
      await sender.close();
      return sender.acknowledged();
    },
    newSource,
    restart: async (changed = {}) => {
      product = await startProduct({ folder, env: { ...env, ...changed } });
    },
    newSink: async () => {
      const sink = await startSink(folder, `sink-${++sinks}`);
      cleanUp.push(() => sink.stop());
      return sink;
    },
    connect: async (sink, more = {}) => {
      const destination = { type: 'webhook', name: 'Sink', settings: { url: sink.url }, ...more };
      const made = await product.call('POST', '/api/destinations', destination);
      expect(made, JSON.stringify(made.body)).toMatchObject({ status: 201 });
      return made.body.id as string;
    },
    replay: async (destinationId, more = {}) => {
      const asked = await product.call('POST', '/api/replays', { destinationId, ...more });
      expect(asked, JSON.stringify(asked.body)).toMatchObject({ status: 201 });
      return asked.body as Replay;
    },
    read,
    readUntil,
    ended: (replayId) => readUntil(replayId, 'the replay ends', ({ status }) => !openStatuses.has(status)),
    rows: (text, values) => rowsOf(product.databaseUrl, text, values),
  };
}

/** Each event is in one bucket: at every moment the counts add up to what is selected. */
function addsUp({ counts }: Replay): void {
  const { selected, selectedExact: _, ...parts } = counts;
  const sum = Object.values(parts).reduce((total, part) => total + part, 0);
  expect(sum, `the counts do not add up: ${JSON.stringify(counts)}`).toBe(selected);
}

async function rowsOf<Row>(url: string, text: string, values: readonly unknown[]): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text, [...values])).rows as Row[];
  } finally {
    await client.end();
  }
}
