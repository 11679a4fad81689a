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
let ahead = read(0);
let rows: [number, string][] = [];
let next = 0;
const lane = async (): Promise<void> => {
  for (;;) {
    if (next >= rows.length) return;
    const body = rows[next++]![1];
    const { body: answer } = await pool.request({
      path: '/hook',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    await answer.dump();
    sent++;
  }
};
for (;;) {
  rows = await ahead;
  if (rows.length === 0) break;
  ahead = read(rows.at(-1)![0]);
  next = 0;
  await Promise.all(Array.from({ length: connections }, lane));
}
const seconds = (performance.now() - started) / 1_000;
await pool.close();
await client.end();
process.stdout.write(`${JSON.stringify({ sent, seconds, perSecond: Math.round(sent / seconds) })}\n`);
