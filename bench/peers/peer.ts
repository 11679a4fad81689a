import pg from 'pg';
import { Pool } from 'undici';

/** A job of a peer: one event, as it is to be posted. */
export interface EventJob {
  readonly body: string;
}

export interface PeerContext {
  readonly databaseUrl: string;
  readonly connections: number;
  /** Posts one event, as one request. @throws when the answer is no success */
  readonly post: (job: EventJob) => Promise<void>;
}

/**
 * Lets a job queue do a replay's work: a job per event is made of the same rows, worked off, and posted to the same
 * sink. Making the jobs and working them off are timed apart.
 *   node bench/peers/<peer>.ts <database> <sink> <connections> <events>
 * @param open prepares the queue
 */
export async function runPeer(
  schema: string,
  open: (context: PeerContext) => Promise<{
    enqueue(jobs: EventJob[]): Promise<void>;
    /** Starts working. @returns what ends it */
    work(): Promise<() => Promise<void>>;
    close(): Promise<void>;
  }>,
): Promise<void> {
  const [databaseUrl, sink] = [process.argv[2]!, process.argv[3]!];
  const [connections, events] = process.argv.slice(4).map(Number) as [number, number];
  const http = new Pool(sink, { connections, pipelining: 1 });
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  let sent = 0;
  const allSent = Promise.withResolvers<void>();
  const headers = { 'content-type': 'application/json' };
  const post = async ({ body }: EventJob): Promise<void> => {
    const answer = await http.request({ path: '/hook', method: 'POST', headers, body });
    await answer.body.dump();
    if (answer.statusCode >= 300) throw new Error(`status ${answer.statusCode}`);
    if (++sent === events) allSent.resolve();
  };
  const queue = await open({ databaseUrl, connections, post });

  const enqueueStarted = performance.now();
  for (let after = 0; ;) {
    const text =
      'select position::int as place, raw from event where position > $1 and position <= $2 order by position limit 1000';
    const { rows } = await client.query<{ place: number; raw: string }>(text, [after, events]);
    if (rows.length === 0) break;
    await queue.enqueue(rows.map(({ raw }) => ({ body: raw })));
    after = rows.at(-1)!.place;
  }
  const enqueueSeconds = (performance.now() - enqueueStarted) / 1_000;

  const started = performance.now();
  const stop = await queue.work();
  await allSent.promise;
  const seconds = (performance.now() - started) / 1_000;
  await stop();
  await queue.close();
  await client.query(`drop schema ${schema} cascade`);
  await client.end();
  await http.close();
  process.send?.({ sent, enqueueSeconds, seconds, perSecond: Math.round(sent / seconds) });
  process.disconnect();
}
