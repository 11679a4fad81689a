// A client of the compatibility runner around @segment/analytics-node: `--input <JSON>`, JSON on stdout.
// With `--forgetful` it drops every third call, so that a test sees the runner notice.
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Analytics } from '@segment/analytics-node';
import type { ClientInput } from '../../src/dev/compat/client.ts';

const { values } = parseArgs({ options: { input: { type: 'string' }, forgetful: { type: 'boolean' } } });
const { writeKey, apiHost, sequences, config } = JSON.parse(values.input ?? '') as ClientInput;
const { flushAt, flushInterval, maxRetries, timeout } = config;
const analytics = new Analytics({ writeKey, host: apiHost, flushAt, flushInterval, maxRetries });
const errors: string[] = [];
let sentBatches = 0;
let calls = 0;
analytics.on('error', ({ code, reason }) => errors.push(`${code}: ${String(reason)}`));
analytics.on('http_request', () => (sentBatches += 1));
for (const { delayMs, events } of sequences) {
  await delay(delayMs);
  for (const { type, ...fields } of events) {
    if (values.forgetful === true && ++calls % 3 === 0) continue;
    (analytics[type] as (fields: object) => unknown).call(analytics, fields);
  }
}
await analytics.closeAndFlush({ timeout: timeout * 1_000 });
const [error] = errors;
console.log('all calls are made');
console.log(JSON.stringify({ success: error === undefined, sentBatches, error }, null, 2));
