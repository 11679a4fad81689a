import { setTimeout as pause } from 'node:timers/promises';
import type { ApiClient, Query } from './client.ts';
import { exits, Failure } from './failure.ts';
import { notReprise } from './not-reprise.ts';
import { mayPass } from './refusal.ts';
import { serverEvents, type ServerEvent } from './server-events.ts';
import { BrokenOff } from './unreachable.ts';

/** The API says something every 15 s (src/api/progress.ts); after a longer silence the connection is dead. */
const silenceMs = 40_000;
const pausesMs = [250, 500, 1_000, 2_000];
/** For how long an API that is away is waited for. */
const patienceMs = 10 * 60_000;

/** How something that is watched stands, whenever it has changed. */
export interface Watched<T> {
  readonly state: T;
  readonly ended: boolean;
}

/**
 * Follows something by its progress stream until it has ended, over connections that break and APIs that start again.
 * @param onAway called when the connection breaks, once for each time that it does, with a sentence that lacks its full stop
 * @throws Failure when it is refused, or the API stays away
 */
export async function* watch<T>(
  client: ApiClient,
  path: string,
  over: AbortSignal,
  onAway: (why: string) => void,
): AsyncGenerator<Watched<T>> {
  for await (const { event, data } of follow(client, { path }, over, onAway)) {
    const ended = event === 'end';
    if (ended || event === 'progress') yield { state: JSON.parse(data) as T, ended };
    if (ended) return;
  }
}

/**
 * The events of a stream that goes on for ever, each behind the last one that was seen, over connections that break. An
 * API that was never there is not waited for.
 * @param onAway called when the connection breaks, with a sentence that lacks its full stop
 * @param over ends it; its reason is what it then throws
 */
export async function* follow(
  client: ApiClient,
  stream: { readonly path: string; readonly query?: Query },
  over: AbortSignal,
  onAway: (why: string) => void,
): AsyncGenerator<ServerEvent> {
  let lastId: string | null = null;
  let awaySince: number | null = null;
  for (let attempt = 0; ; attempt += 1) {
    let broke: Failure = new BrokenOff(exits.unreachable, 'The connection ended.');
    try {
      for await (const one of eventsOf(client, stream, lastId, over)) {
        if (awaySince !== null) attempt = 0;
        awaySince = null;
        lastId = one.id ?? lastId;
        yield one;
      }
      if (over.aborted) throw over.reason as Error;
    } catch (error) {
      if (over.aborted) throw over.reason;
      if (!client.wasThere || !mayPass(error)) throw error;
      broke = error as Failure;
    }
    if (awaySince === null) onAway(broke.message.replace(/\.$/, ''));
    awaySince ??= performance.now();
    if (performance.now() - awaySince > patienceMs) throw broke;
    await pause(pausesMs[Math.min(attempt, pausesMs.length - 1)], undefined, { signal: over }).catch(() => {
      throw over.reason as Error;
    });
  }
}

async function* eventsOf(
  client: ApiClient,
  { path, query = {} }: { readonly path: string; readonly query?: Query },
  lastId: string | null,
  over: AbortSignal,
) {
  const headers = { accept: 'text/event-stream', ...(lastId !== null && { 'last-event-id': lastId }) };
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new DOMException('No answer', 'TimeoutError')), silenceMs);
  const response = await client
    .open(path, { query, headers, deadlineMs: null, signal: AbortSignal.any([late.signal, over]) })
    .finally(() => clearTimeout(timer));
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  if (!isStream || response.body === null) throw notReprise(response.status, path, client.address);
  const body = response.body as ReadableStream<Uint8Array>;
  const silent = silenceEnds(body);
  try {
    yield* serverEvents(silent.body, silent.heard);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new BrokenOff(exits.unreachable, 'The connection broke off.');
  } finally {
    silent.stop();
  }
}

/** A body that breaks off when nothing comes for too long. */
function silenceEnds(body: ReadableStream<Uint8Array>) {
  const dead = new AbortController();
  const cut = () => dead.abort(new BrokenOff(exits.unreachable, 'The connection has gone silent.'));
  let timer = setTimeout(cut, silenceMs);
  const through = new TransformStream<Uint8Array, Uint8Array>();
  body.pipeTo(through.writable, { signal: dead.signal }).catch(() => undefined); // the reader hears of it
  return {
    body: through.readable,
    heard: () => {
      clearTimeout(timer);
      timer = setTimeout(cut, silenceMs);
    },
    stop: () => {
      clearTimeout(timer);
      dead.abort();
    },
  };
}
