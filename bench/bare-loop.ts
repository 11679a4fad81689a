import pg from 'pg';
import { Pool } from 'undici';

// The yardstick: pages of rows, one page read ahead, one POST per row over kept-alive connections. No checkpoint, no
// order, no signature, no retry: what a loop costs that promises nothing.
const [url, sink, connections] = [process.argv[2]!, process.argv[3]!, Number(process.argv[4])];
const page = 1_000;
const client = new pg.Client({ connectionString: url });
await client.connect();
const pool = new Pool(sink, { connections, pipelining: 1 });

const read = async (after: number) => {
  const text = 'select position::int, raw from event where position > $1 order by position limit $2';
  const query = { name: 'page', text, values: [after, page], rowMode: 'array' as const };
  return (await client.query<[number, string]>(query)).rows;
};

const started = performance.now();
let sent = 0;
const rows: [number, string][] = await read(0);
let ahead: Promise<[number, string][]> | null = read(rows.at(-1)![0]);
let next = 0;

/** The next row; no lane waits at the border of a page unless the database is slower than the sink. */
const take = async (): Promise<string | null> => {
  while (next >= rows.length && ahead !== null) {
    const page = ahead;
    const more = await page;
    if (ahead !== page) continue; // another lane has taken this page over
    rows.splice(0, next, ...more);
    next = 0;
    ahead = more.length === 0 ? null : read(more.at(-1)![0]);
  }
  return next < rows.length ? rows[next++]![1] : null;
};

const lane = async (): Promise<void> => {
  const headers = { 'content-type': 'application/json' };
  for (let body = await take(); body !== null; body = await take()) {
    const { body: answer } = await pool.request({ path: '/hook', method: 'POST', headers, body });
    await answer.dump();
    sent++;
  }
};
await Promise.all(Array.from({ length: connections }, lane));
const seconds = (performance.now() - started) / 1_000;
await pool.close();
await client.end();
process.stdout.write(`${JSON.stringify({ sent, seconds, perSecond: Math.round(sent / seconds) })}\n`);
