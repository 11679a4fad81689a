import pg from 'pg';
import { Pool } from 'undici';

// The yardstick: pages of rows, one page read ahead, one POST per event or per batch over kept-alive connections. No
// checkpoint, no order, no signature, no retry: what a loop costs that promises nothing.
//   node bench/bare-loop.ts <database> <sink> <connections> <batchSize> <events>
const [url, sink] = [process.argv[2]!, process.argv[3]!];
const [connections, batchSize, events] = process.argv.slice(4).map(Number) as [number, number, number];
const pageSize = Math.max(1_000, 2 * batchSize);
const client = new pg.Client({ connectionString: url });
await client.connect();
const pool = new Pool(sink, { connections, pipelining: 1 });

const read = async (after: number) => {
  const text =
    'select position::int as place, raw from event where position > $1 and position <= $2 order by position limit $3';
  const query = { name: 'page', text, values: [after, events, pageSize], rowMode: 'array' as const };
  return (await client.query<[number, string]>(query)).rows;
};

const started = performance.now();
const cpuBefore = process.cpuUsage();
let sent = 0;
const rows: [number, string][] = await read(0);
let ahead: Promise<[number, string][]> | null = read(rows.at(-1)![0]);
let next = 0;

/** The next rows; no connection waits at the border of a page unless the database is slower than the sink. */
const take = async (): Promise<string[]> => {
  while (rows.length - next < batchSize && ahead !== null) {
    const page = ahead;
    const more = await page;
    if (ahead !== page) continue; // another connection has taken this page over
    rows.splice(0, next);
    rows.push(...more);
    next = 0;
    ahead = more.length === 0 ? null : read(more.at(-1)![0]);
  }
  const batch = rows.slice(next, next + batchSize).map((row) => row[1]);
  next += batch.length;
  return batch;
};

const bodyOf = (batch: readonly string[]): string => (batchSize === 1 ? batch[0]! : `[${batch.join(',')}]`);

const work = async (): Promise<void> => {
  const headers = { 'content-type': 'application/json' };
  for (let batch = await take(); batch.length > 0; batch = await take()) {
    const { body } = await pool.request({ path: '/hook', method: 'POST', headers, body: bodyOf(batch) });
    await body.dump();
    sent += batch.length;
  }
};
await Promise.all(Array.from({ length: connections }, work));
const seconds = (performance.now() - started) / 1_000;
const cpu = process.cpuUsage(cpuBefore);
const cpuMicros = Number(((cpu.user + cpu.system) / sent).toFixed(1));
await pool.close();
await client.end();
process.send?.({ sent, seconds, perSecond: Math.round(sent / seconds), cpuMicros });
process.disconnect();
