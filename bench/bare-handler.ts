import { createServer, type ServerResponse } from 'node:http';
import pg from 'pg';
import { createGroupCommit } from '../src/api/tracking/group-commit.ts';
import { appendBare, type BareEvent } from './bare-append.ts';

// The yardstick of single events over HTTP: reads a body, parses it, and answers 200 once the group that it shares has
// committed. No write key, no limits, no completed event, no duplicates, no order of commits across processes.
//   node bench/bare-handler.ts <database>
const pool = new pg.Pool({ connectionString: process.argv[2]!, max: 1 });
const commits = createGroupCommit<BareEvent>({
  commit: (group) => appendBare(pool, group),
  weigh: ({ raw }) => ({ events: 1, bytes: raw.length }),
  maxGroup: { events: 1_000, bytes: 8 * 1024 * 1024 },
  maxWaiting: { events: 20_000, bytes: 64 * 1024 * 1024 },
});
const answers = { committed: 200, failed: 500, full: 503 } as const;

async function store(event: BareEvent, response: ServerResponse): Promise<void> {
  const how = await commits.submit(event);
  response.writeHead(answers[how], { 'content-type': 'application/json', 'content-length': '16' });
  response.end('{"success":true}');
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const raw = Buffer.concat(chunks).toString();
    const { event, userId, messageId, timestamp } = JSON.parse(raw) as Record<string, string>;
    const row = { name: event!, userId: userId!, messageId: messageId!, timestamp: timestamp!, raw };
    void store(row, response);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
});
process.on('disconnect', () => process.exit(0));
