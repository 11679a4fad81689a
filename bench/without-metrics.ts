// Loaded before a process (`node --import`), it makes the process count nothing.
import { createRequire } from 'node:module';

const client = createRequire(import.meta.url)('prom-client') as typeof import('prom-client');
const nothing = () => undefined;
Object.assign(client.Counter.prototype, { inc: nothing });
Object.assign(client.Gauge.prototype, { inc: nothing, dec: nothing, set: nothing });
Object.assign(client.Histogram.prototype, { observe: nothing });
Object.assign(client, { collectDefaultMetrics: nothing });
const { HotCounter, HotGauge, HotHistogram } = await import('../src/metrics/hot.ts'); // once the client is silent
Object.assign(HotCounter.prototype, { add: nothing });
Object.assign(HotGauge.prototype, { add: nothing });
Object.assign(HotHistogram.prototype, { observe: nothing });
