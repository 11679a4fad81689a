// Calls of customerio-node in a process of its own: its Content-Length does not go with another undici than Node's.
//   node customerio-calls.ts <base address> <write key>
import { TrackClient } from 'customerio-node';

const [url = '', writeKey = ''] = process.argv.slice(2);
const client = new TrackClient('site', writeKey, { url });
const odd = 'é😀 "quoted" \u0000';
await client.identify('user-1', { plan: odd, created_at: 1361205308 });
await client.track('user-1', { name: 'Order Completed', data: { total: 12.5, note: odd } });
await client.trackPageView('user-1', '/home');
