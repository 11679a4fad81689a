import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Journal } from './journal.ts';
import type { Receiver } from './receiver.ts';
import { changed, type Switches } from './switches.ts';

export interface DemoServerOptions {
  readonly journal: Journal;
  readonly receiver: Receiver;
  readonly switches: () => Switches;
  readonly onSwitches: (switches: Switches) => void;
  readonly clock: () => number;
}

const largestBody = 8 * 1024 * 1024;
const updateMs = 500;
const heartbeatMs = 15_000;

const pageFiles: Record<string, readonly [file: string, type: string]> = {
  '/': ['page.html', 'text/html; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
};
const policy =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

/** The demo destination's one door: its page, its controls, and deliveries by POST on any other path. */
export function createDemoServer(options: DemoServerOptions): Server {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://demo').pathname;
    if (path === '/updates' && request.method === 'GET') return sendUpdates(options, server, response);
    answer(options, path, request, response).catch((error: Error) => {
      if (!response.headersSent) json(response, 500, { error: error.message });
      else response.destroy();
    });
  });
  return server;
}

async function answer(
  options: DemoServerOptions,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === 'GET' || request.method === 'HEAD') return show(options, path, response);
  if (request.method !== 'POST') return json(response, 405, { error: 'GET or POST' });
  const body = await bodyOf(request);
  if (body === null) return json(response, 413, { error: 'larger than this destination takes' });
  if (path === '/switches' || path === '/reset') return control(options, path, request, body, response);
  const given = await options.receiver.receive({ headers: request.headers, body });
  if (given === null) request.socket.destroy();
  else json(response, given.status, given.body, given.headers);
}

function show(options: DemoServerOptions, path: string, response: ServerResponse): void {
  if (path === '/stats') return json(response, 200, stateOf(options));
  const page = pageFiles[path];
  if (page === undefined) return json(response, 404, { error: 'there is nothing here' });
  const [file, type] = page;
  response.writeHead(200, {
    'content-type': type,
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-cache',
  });
  response.end(readFileSync(new URL(file, import.meta.url)));
}

/** Only JSON, which a foreign page in the same browser cannot send without being asked for leave. */
function control(
  options: DemoServerOptions,
  path: string,
  request: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
): void {
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
    return json(response, 415, { error: 'Content-Type: application/json' });
  }
  if (path === '/reset') {
    options.journal.reset();
    return json(response, 200, stateOf(options));
  }
  const next = changed(options.switches(), parse(body));
  if (typeof next === 'string') return json(response, 400, { error: next });
  options.onSwitches(next);
  return json(response, 200, stateOf(options));
}

function stateOf({ journal, switches, clock }: DemoServerOptions): Record<string, unknown> {
  const { secret, ...shown } = switches();
  return { stats: journal.ledger.stats(clock()), switches: shown, checksSignatures: secret !== null };
}

/** Sends the state whenever it has changed, until the reader or the server goes. */
function sendUpdates(options: DemoServerOptions, server: Server, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  let sent = '';
  let sentAt = 0;
  const update = () => {
    if (!server.listening) {
      response.end();
      return;
    }
    const data = JSON.stringify(stateOf(options));
    const now = options.clock();
    if (data !== sent) response.write(`data: ${data}\n\n`);
    else if (now - sentAt > heartbeatMs) response.write(': still here\n\n');
    else return;
    [sent, sentAt] = [data, now];
  };
  const timer = setInterval(update, updateMs);
  response.on('close', () => clearInterval(timer));
  update();
}

async function bodyOf(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= largestBody) chunks.push(chunk);
  }
  return size <= largestBody ? Buffer.concat(chunks) : null;
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}

function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers });
  response.end(`${JSON.stringify(body)}\n`);
}
