import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { identifier, type Identify } from '../access/identify.ts';
import type { ApiDeps } from '../deps.ts';
import { isProblem, problem, type Problem } from '../problem.ts';
import type { Answer, Call } from '../route.ts';

/** How many answers may go on for ever at a time, in one process. */
export const mostConnections = 100;
/** A token is trusted for as long, and looked at as often, so that a revoked one hears nothing after a second; milliseconds. */
const trustMs = 400;
/** The silence after which something is said, so that nothing between takes the connection for dead; milliseconds. */
export const heartbeatMs = 15_000;

/** The headers that a watcher may send. */
export const WatcherHeaders = z.object({
  'Last-Event-ID': z
    .exactOptional(z.string())
    .meta({ description: 'The id of the last event that was seen.' }),
});

/** One answer of server-sent events that goes on until somebody ends it. */
export interface LiveConnection {
  /** Aborts when the client has left, its token holds no more, or the process ends. */
  readonly until: AbortSignal;
  /** Writes, and waits while the client does not read. */
  readonly write: (text: string) => Promise<void>;
}

type LiveDeps = Pick<ApiDeps, 'log' | 'stopping' | 'db' | 'adminToken'>;

/** Keeps the answers that go on for ever: how many there are, and for how long each may go on. */
export class LiveConnections {
  readonly #deps: LiveDeps;
  #identify: Identify | null = null;
  #open = 0;

  constructor(deps: LiveDeps) {
    this.#deps = deps;
  }

  /**
   * Answers with server-sent events (WHATWG HTML, "Server-sent events").
   * @param work writes them, until it is done or `until` aborts; what it throws then is no news
   */
  answer(
    { headers }: Pick<Call<unknown, unknown, unknown>, 'headers'>,
    work: (connection: LiveConnection) => Promise<void>,
  ): Answer | Problem {
    if (this.#open >= mostConnections) return tooMany;
    return {
      status: 200,
      headers: { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' },
      stream: (response) => void this.#serve(headers.authorization, response, work),
    };
  }

  async #serve(
    authorization: string | undefined,
    response: ServerResponse,
    work: (connection: LiveConnection) => Promise<void>,
  ): Promise<void> {
    const { log, stopping } = this.#deps;
    this.#open += 1;
    const over = new AbortController();
    response.once('close', () => over.abort());
    const until = AbortSignal.any([over.signal, stopping]);
    const checking = setInterval(() => void this.#check(authorization, over), trustMs);
    try {
      response.write('retry: 2000\n\n');
      await work({ until, write: (text) => write(response, text, until) });
    } catch (error) {
      // The client comes back by itself, with the id of the last event that it saw.
      if (!until.aborted) log.warn({ err: error }, 'an answer that goes on broke off');
    } finally {
      clearInterval(checking);
      this.#open -= 1;
      // Who does not read would never see the end, and keep what was written to him.
      if (response.writableNeedDrain) response.destroy();
      else response.end();
    }
  }

  async #check(authorization: string | undefined, over: AbortController): Promise<void> {
    // While Postgres is away nothing is known of tokens, and there is nothing to tell either.
    const caller = await (this.#identify ??= identifier(this.#deps, trustMs))(authorization).catch(
      () => null,
    );
    if (isProblem(caller)) over.abort();
  }
}

const tooMany = problem(
  'too_many_live_connections',
  `This process answers ${mostConnections} requests that go on for ever, and takes no more. End one, or ask another process.`,
  { headers: { 'retry-after': '5' } },
);

async function write(response: ServerResponse, text: string, until: AbortSignal): Promise<void> {
  if (response.write(text) || response.destroyed || until.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => resolve();
  response.once('drain', done).once('close', done);
  until.addEventListener('abort', done);
  await promise;
  response.off('drain', done).off('close', done);
  until.removeEventListener('abort', done);
}
