import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

/** What a client sends, and how. */
export interface LoadPlan {
  readonly port: number;
  readonly writeKey: string;
  readonly connections: number;
  readonly seconds: number;
  /** Events of a request; 1: single calls. */
  readonly batch: number;
  /** Requests due a second, sent as soon as a connection is free; null: each connection sends again once it is answered. */
  readonly perSecond: number | null;
  /** Begins the messageIds, which must be new. */
  readonly prefix: string;
}

/** How a client was served. */
export interface LoadFigures {
  readonly seconds: number;
  /** Answers by status; 0: the connection broke. */
  readonly answers: Readonly<Record<string, number>>;
  /** Events acknowledged by 200, in all and in a second. */
  readonly events: number;
  readonly perSecond: number;
  /** Requests that were due and found no free connection in time. */
  readonly unsent: number;
  /** Milliseconds to the acknowledgement, from when a request was due where the pace is even, else from its sending. */
  readonly latency: {
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
  };
}

// A client in a process of its own, on bare sockets: what it takes of the machine is taken from what is measured.
//   node bench/ingest-load.ts <plan as JSON>
const plan = JSON.parse(process.argv[2]!) as LoadPlan;
const idMark = 'IIIIIIIII';
const userMark = 'UUUUUU';
const request = template();
const idPlaces = placesOf(idMark);
const userPlaces = placesOf(userMark);
const answers: Record<string, number> = {};
const latencies: number[] = [];
const free: Line[] = [];
/** When requests were due that wait for a free connection. */
let due: number[] = [];
let nextDue = 0;
let nextId = 0;
const over = new AbortController();

/** One kept-alive connection with at most one request under way. */
class Line {
  readonly #request = Buffer.from(request);
  #socket: Socket | null = null;
  #received = '';
  #since = 0;
  #settle: (() => void) | null = null;

  async open(): Promise<void> {
    const socket = connect({ port: plan.port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    socket.on('data', (chunk: Buffer) => this.#take(chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#socket = null;
      if (this.#settle !== null) this.#answered(0);
    });
    this.#socket = socket;
  }

  /** Sends the next request and waits for its answer. @param since what its latency counts from */
  async send(since: number): Promise<void> {
    if (this.#socket === null) await this.open();
    for (const at of idPlaces) this.#request.write(String(++nextId).padStart(9, '0'), at, 'latin1');
    for (const at of userPlaces)
      this.#request.write(String((nextId + at) % 5_000).padStart(6, '0'), at, 'latin1');
    this.#since = since;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#settle = resolve;
    this.#socket!.write(this.#request);
    await promise;
  }

  close(): void {
    this.#socket?.destroy();
  }

  #take(text: string): void {
    this.#received += text;
    const end = this.#received.indexOf('\r\n\r\n');
    if (end === -1) return;
    const length = Number(/content-length: (\d+)/i.exec(this.#received)?.[1] ?? 0);
    if (this.#received.length < end + 4 + length) return;
    this.#answered(Number(this.#received.slice(9, 12)));
  }

  #answered(status: number): void {
    this.#received = '';
    if (!over.signal.aborted) {
      answers[status] = (answers[status] ?? 0) + 1;
      if (status === 200) latencies.push(performance.now() - this.#since);
    }
    const settle = this.#settle;
    this.#settle = null;
    settle?.();
  }
}

const lines = Array.from({ length: plan.connections }, () => new Line());
for (let from = 0; from < lines.length; from += 100)
  await Promise.all(lines.slice(from, from + 100).map((line) => line.open()));
const startedAt = performance.now();
const ended = pause(plan.seconds * 1_000).then(() => over.abort());
if (plan.perSecond === null) await Promise.all([ended, ...lines.map(askOn)]);
else await keepPace(plan.perSecond);
const seconds = (performance.now() - startedAt) / 1_000;
for (const line of lines) line.close();
process.send?.(figures());
process.disconnect();

async function askOn(line: Line): Promise<void> {
  while (!over.signal.aborted) await line.send(performance.now());
}

/** Each counts from when it was due: a server that holds its client up hides nothing. */
async function keepPace(perSecond: number): Promise<void> {
  free.push(...lines);
  for (let made = 0; !over.signal.aborted;) {
    const reached = Math.floor(((performance.now() - startedAt) * perSecond) / 1_000);
    while (made < reached) due.push(startedAt + (++made * 1_000) / perSecond);
    dispatch();
    await pause(1);
  }
}

function dispatch(): void {
  while (!over.signal.aborted && nextDue < due.length && free.length > 0)
    void sendDue(free.pop()!, due[nextDue++]!);
  if (nextDue > 100_000) {
    due = due.slice(nextDue);
    nextDue = 0;
  }
}

async function sendDue(line: Line, dueAt: number): Promise<void> {
  await line.send(dueAt);
  free.push(line);
  dispatch();
}

function figures(): LoadFigures {
  const sorted = latencies.toSorted((left, right) => left - right);
  const at = (share: number) => Number((sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1));
  const events = sorted.length * plan.batch;
  return {
    seconds,
    answers,
    events,
    perSecond: Math.round(events / plan.seconds),
    unsent: due.length - nextDue,
    latency: { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) },
  };
}

function placesOf(mark: string): number[] {
  const places: number[] = [];
  for (let at = request.indexOf(mark); at !== -1; at = request.indexOf(mark, at + mark.length))
    places.push(at);
  return places;
}

/** A whole request of events of 1 kB, with marks where each has what is its own. */
function template(): Buffer {
  const time = new Date().toISOString();
  const type = plan.batch === 1 ? '' : '"type":"track",';
  const event = `{${type}"event":"Order Completed","userId":"user-${userMark}","messageId":"${plan.prefix}-${idMark}","timestamp":"${time}","properties":{"filler":"${'x'.repeat(760)}"},"context":{"library":{"name":"bench","version":"1"}}}`;
  const events = Array.from({ length: plan.batch }, () => event).join(',');
  const body = plan.batch === 1 ? event : `{"batch":[${events}]}`;
  const head = [
    `POST /v1/${plan.batch === 1 ? 'track' : 'batch'} HTTP/1.1`,
    `Host: 127.0.0.1:${plan.port}`,
    'Content-Type: application/json',
    `Authorization: Basic ${Buffer.from(`${plan.writeKey}:`).toString('base64')}`,
    `Content-Length: ${body.length}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}
