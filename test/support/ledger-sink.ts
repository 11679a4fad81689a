// A destination for tests, in a process of its own: writes every request into a ledger file before it answers, so that
// nothing it took is forgotten whoever is killed. How it answers is set over a control port.
//   node test/support/ledger-sink.ts <ledger file>
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { appendLine, type Cut } from './ledger.ts';

/** How a sink behaves; an empty one takes everything at once. */
export interface SinkMode {
  /** Nothing listens at its address. */
  readonly down?: boolean;
  /** How long each answer takes; milliseconds. */
  readonly delayMs?: number;
  /** Users whose events take longer. */
  readonly slow?: { readonly users: readonly string[]; readonly delayMs: number };
  /** What is answered instead of 200: to a share of the requests, to events of these names, or to all. */
  readonly refuse?: {
    readonly status: number;
    readonly share?: number;
    readonly names?: readonly string[];
    readonly retryAfterSeconds?: number;
  };
  /** Resets the connection at this point of the answer, to a share of the requests; the event was taken all the same. */
  readonly cut?: { readonly when: Cut; readonly share: number };
}

/** What a sink tells of itself. */
export interface SinkState {
  /** Requests that came in, answered or not. */
  readonly received: number;
  readonly answered: number;
  /** By its own clock, which its ledger goes by; milliseconds since 1970. */
  readonly now: number;
}

const [ledgerFile] = process.argv.slice(2);
if (ledgerFile === undefined) throw new Error('usage: ledger-sink.ts <ledger file>');
const ledger = openSync(ledgerFile, 'a');
const now = () => performance.timeOrigin + performance.now();
let mode: SinkMode = {};
let received = 0;
let answered = 0;
const owed = { refusals: 0, cuts: 0 };

const sink = createServer((request, response) => void take(request, response));
const control = createServer((request, response) => void obey(request, response));
const port = await listen(sink, 0);
const controlPort = await listen(control, 0);
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true, port, controlPort });

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await buffer(request).catch(() => null);
  if (body === null) return; // it broke off before it was there in full
  const seq = ++received;
  const at = now();
  const text = body.toString();
  const event = firstOf(JSON.parse(text));
  const answer = answerTo(event);
  const cut =
    answer.status === 200 && mode.cut !== undefined && isDue('cuts', mode.cut.share) ? mode.cut.when : null;
  const delayMs = delayFor(event);
  if (delayMs > 0) await delay(delayMs);
  const { messageId, userId } = event;
  appendLine(ledger, {
    seq,
    at,
    answeredAt: now(),
    id: request.headers['webhook-id'] ?? null,
    attempt: Number(request.headers['x-reprise-attempt'] ?? 0) || null,
    messageId: typeof messageId === 'string' ? messageId : null,
    userId: typeof userId === 'string' ? userId : null,
    sha256: createHash('sha256').update(body).digest('hex'),
    body: text,
    answer: cut === 'before' || cut === 'in' ? 0 : answer.status,
    heard: !request.socket.readableEnded && !request.socket.destroyed,
    cut,
    retryAfterSeconds: answer.retryAfterSeconds,
  });
  answered++;
  if (cut === null) response.writeHead(answer.status, answer.headers).end(answer.text);
  else breakOff(request.socket, cut);
}

/** A batch is looked at by its first event. */
function firstOf(body: unknown): Record<string, unknown> {
  return (Array.isArray(body) ? body[0] : body) as Record<string, unknown>;
}

/** Writes as much of an answer as comes before the cut, and resets the connection when that has left. */
function breakOff(socket: Socket, when: Cut): void {
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n';
  const written = { before: '', in: `${head}{"ok"`, after: `${head}{"ok":true}` }[when];
  if (written === '') socket.resetAndDestroy();
  else socket.write(written, () => socket.resetAndDestroy());
}

function delayFor({ userId }: Record<string, unknown>): number {
  const isSlow = mode.slow?.users.includes(String(userId)) ?? false;
  return (isSlow ? mode.slow?.delayMs : mode.delayMs) ?? 0;
}

function answerTo(event: Record<string, unknown>) {
  const { refuse } = mode;
  if (refuse === undefined || !isRefused(refuse, event)) {
    return { status: 200, headers: {}, text: '', retryAfterSeconds: null };
  }
  const { status, retryAfterSeconds = null } = refuse;
  const headers = retryAfterSeconds === null ? {} : { 'retry-after': String(retryAfterSeconds) };
  return {
    status,
    headers,
    text: JSON.stringify({ error: `no to ${String(event['event'])}` }),
    retryAfterSeconds,
  };
}

function isRefused(refuse: NonNullable<SinkMode['refuse']>, event: Record<string, unknown>): boolean {
  if (refuse.names !== undefined) return refuse.names.includes(String(event['event']));
  return isDue('refusals', refuse.share ?? 1);
}

/** A share is kept exactly, not by chance. */
function isDue(what: keyof typeof owed, share: number): boolean {
  owed[what] += share;
  if (owed[what] < 1) return false;
  owed[what] -= 1;
  return true;
}

async function obey(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'PUT') {
    mode = JSON.parse((await buffer(request)).toString()) as SinkMode;
    if (mode.down === true && sink.listening) {
      const closed = once(sink, 'close');
      sink.close();
      sink.closeAllConnections();
      await closed;
    }
    if (mode.down !== true && !sink.listening) await listen(sink, port);
  }
  response.end(JSON.stringify({ received, answered, now: now() } satisfies SinkState));
}

async function listen(server: Server, wanted: number): Promise<number> {
  server.listen(wanted, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
