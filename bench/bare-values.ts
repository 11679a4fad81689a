import pg from 'pg';
import { appendBare, type BareEvent } from './bare-append.ts';

// The yardstick of batches: a loop that inserts VALUES statements over some connections. No HTTP, nothing parsed.
//   node bench/bare-values.ts <database> <connections> <rows> <seconds>
const [connections, rows, seconds] = process.argv.slice(3).map(Number) as [number, number, number];
const pool = new pg.Pool({ connectionString: process.argv[2]!, max: connections });
const filler = 'x'.repeat(760);
let next = 0;

function newEvent(): BareEvent {
  const number = ++next;
  const [userId, messageId] = [`user-${number % 5_000}`, `bare-${number}`];
  const timestamp = new Date().toISOString();
  const raw = `{"type":"track","event":"Order Completed","userId":"${userId}","messageId":"${messageId}","timestamp":"${timestamp}","properties":{"filler":"${filler}"},"context":{"library":{"name":"bench","version":"1"}}}`;
  return { name: 'Order Completed', userId, messageId, timestamp, raw };
}

const startedAt = performance.now();
const until = startedAt + seconds * 1_000;
let inserted = 0;
const work = async (): Promise<void> => {
  while (performance.now() < until) {
    await appendBare(pool, Array.from({ length: rows }, newEvent));
    inserted += rows;
  }
};
await Promise.all(Array.from({ length: connections }, work));
const took = (performance.now() - startedAt) / 1_000;
const cpu = process.cpuUsage();
await pool.end();
process.send?.({
  perSecond: Math.round(inserted / took),
  cpuMicros: Number(((cpu.user + cpu.system) / inserted).toFixed(1)),
});
process.disconnect();
