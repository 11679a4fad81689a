import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { afterAll } from 'vitest';
import { startServer } from '../../src/api/server.ts';
import {
  createTrackingHandler,
  type TrackingHandler,
  type TrackingOptions,
} from '../../src/api/tracking/handler.ts';
import { applyEdits } from '../../src/core/completed-event.ts';
import type { ArchivedEvent, Edit } from '../../src/core/event.ts';
import { archiveHead, readPage } from '../../src/db/archive/read.ts';
import type { Database } from '../../src/db/database.ts';
import { sql } from '../../src/db/sql.ts';

/** A tracking API on a real socket, answered 404 where it does not feel addressed. */
export async function trackingServer(
  options: TrackingOptions,
): Promise<{ url: string; handler: TrackingHandler; close: () => Promise<void> }> {
  const handler = createTrackingHandler(options);
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    first: handler,
    app: (request, response) => {
      request.resume();
      response.writeHead(404).end('not the tracking API');
    },
  });
  const close = async () => {
    await handler.close();
    await server.close();
  };
  afterAll(close);
  return { url: `http://127.0.0.1:${server.port}`, handler, close };
}

/** A source with a write key. */
export async function newKey(db: Database): Promise<{ sourceId: string; writeKey: string }> {
  const sourceId = randomUUID();
  const writeKey = `wk_${randomUUID()}`;
  await db.run(sql`insert into source (id, name) values (${sourceId}, 'test')`);
  await db.run(sql`insert into write_key (key, source_id) values (${writeKey}, ${sourceId})`);
  return { sourceId, writeKey };
}

export const basic = (writeKey: string) => `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`;

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One request with exactly these headers and bytes. */
export async function send(
  url: string,
  options: {
    method?: string;
    headers?: Record<string, string>;
    body?: string | Uint8Array | readonly (string | Uint8Array)[];
  } = {},
): Promise<Answer> {
  const outgoing = httpRequest(url, { method: options.method ?? 'POST', headers: options.headers ?? {} });
  const parts = Array.isArray(options.body) ? options.body : [options.body ?? ''];
  outgoing.on('error', () => undefined); // an early answer may cut what is still being written
  if (parts.length === 1) outgoing.end(parts[0]);
  else {
    for (const part of parts) outgoing.write(part);
    outgoing.end();
  }
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const body = (await buffer(incoming)).toString();
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body };
}

/** Everything that was archived of one source. */
export async function archivedOf(db: Database, sourceId: string): Promise<ArchivedEvent[]> {
  const upTo = await archiveHead(db);
  const { events } = await readPage(db, {
    after: 0,
    upTo,
    bucketFrom: 0,
    bucketTo: 1023,
    selection: { sources: [sourceId] },
    window: 1_000_000,
    limit: 100_000,
  });
  return events;
}

export function rejectedOf(db: Database, sourceId: string): Promise<{ code: string; raw: Buffer }[]> {
  return db.rows(sql`select code, raw from rejected_event where source_id = ${sourceId} order by id`);
}

export function completedOf(event: ArchivedEvent): Record<string, unknown> {
  const bytes = applyEdits(Buffer.from(event.raw), JSON.parse(event.edits) as Edit[]);
  return JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>;
}
