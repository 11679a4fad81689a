import { afterAll, expect, test } from 'vitest';
import { registry } from '../../src/metrics/registry.ts';
import '../../src/metrics/reference.ts';
import { readExposition, type Family } from '../support/exposition.ts';
import { expressionsOfOps } from '../support/ops-files.ts';
import { makeProductFolder, startProduct } from '../support/product.ts';
import { readPromql } from '../support/promql.ts';
import { startReceiver } from '../support/receiver.ts';
import { startCollector } from '../support/span-collector.ts';
import { until } from '../support/until.ts';

const folder = makeProductFolder();
const collector = await startCollector();
const product = await startProduct({
  folder: folder.path,
  env: {
    REPRISE_METRICS_PORT: '0',
    REPRISE_WORKERS: '1',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_SERVICE_NAME: 'shop-reprise',
  },
});
afterAll(async () => {
  await product.stop();
  collector.close();
  folder.remove();
});

const caller = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** One event from its sender to the destination, by its stream and by a replay. */
async function deliverOne() {
  const sink = await startReceiver();
  const { body: source } = await product.call('POST', '/api/sources', { name: 'Shop' });
  const { body: destination } = await product.call('POST', '/api/destinations', {
    type: 'webhook',
    name: 'CRM',
    settings: { url: sink.url, secret },
  });
  const answer = await fetch(`${product.apiUrl}/v1/track`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${source.writeKey}:`).toString('base64')}`,
      traceparent: `00-${caller.traceId}-${caller.spanId}-01`,
    },
    body: JSON.stringify({ event: 'Private Order', userId: 'ada@example.com', messageId: 'private-id' }),
  });
  expect(answer.status).toBe(200);
  await until(
    'the stream delivers',
    () => sink.requests.length,
    (count) => count === 1,
  );
  const stream = () => product.call('GET', `/api/destinations/${destination.id}`);
  await until('the stream has passed it', stream, ({ body }) => body.stream.cursor.position >= 1);
  const replay = await product.call('POST', '/api/replays', { destinationId: destination.id, mode: 'all' });
  expect(replay.status).toBe(201);
  await until(
    'the replay delivers',
    () => sink.requests.length,
    (count) => count === 2,
  );
  return { sink, source, destination, replay: replay.body };
}

test('a trace leads from the request to the commit, and the event has one of its own to every delivery', async () => {
  const { sink, source, destination, replay } = await deliverOne();
  const named = (name: string) => collector.spans.filter((span) => span.name === name);
  await until(
    'spans are there',
    () => named('deliver').length,
    (count) => count === 2,
  );
  const [request] = named('take events');
  expect(request).toMatchObject({ traceId: caller.traceId, parentSpanId: caller.spanId, kind: 2 });
  expect(request?.attributes).toEqual({ 'reprise.events.accepted': '1', 'reprise.events.rejected': '0' });
  expect(request?.resource).toMatchObject({ 'service.name': 'shop-reprise', 'reprise.role': 'api' });
  expect(named('commit events')).toMatchObject([{ traceId: caller.traceId, parentSpanId: request?.spanId }]);

  const [event] = named('event');
  expect(event?.links).toMatchObject([{ traceId: caller.traceId, spanId: request?.spanId }]);
  expect(event?.attributes).toEqual({ 'reprise.source.id': source.id });
  const deliveries = named('deliver');
  for (const span of deliveries) {
    expect(span).toMatchObject({ traceId: event?.traceId, parentSpanId: event?.spanId, kind: 3 });
    expect(span.resource['reprise.role']).toBe('delivery');
    expect(span.attributes).toMatchObject({
      'reprise.destination.id': destination.id,
      'reprise.attempt': '1',
      'reprise.result': 'delivered',
    });
  }
  expect(deliveries.map(({ attributes }) => attributes['reprise.run.kind'])).toEqual(['stream', 'replay']);
  expect(deliveries[1]?.attributes['reprise.run.id']).toBe(replay.id);
  const slice = await until(
    'the slice of the replay ends',
    () => named('slice').find(({ attributes }) => attributes['reprise.run.id'] === replay.id),
    (span) => span !== undefined,
  );
  expect(deliveries[1]?.links).toMatchObject([{ traceId: slice?.traceId, spanId: slice?.spanId }]);

  for (const told of ['Private Order', 'ada@', 'private-id', secret, sink.url, source.writeKey as string]) {
    expect(collector.text(), told).not.toContain(told);
  }
  expect(sink.requests[0]?.headers).not.toHaveProperty('traceparent');
});

/** What all processes tell together. */
async function scrapeAll(): Promise<Map<string, Family>> {
  const [, ports = ''] = /without a token on ports ([\d, ]+)/.exec(product.output()) ?? [];
  const all = new Map<string, Family>();
  const addresses = ports.split(', ').map((port) => `http://127.0.0.1:${port}/metrics`);
  expect(addresses).toHaveLength(3);
  for (const address of addresses) {
    for (const [name, family] of readExposition(await (await fetch(address)).text())) {
      const samples = [...(all.get(name)?.samples ?? []), ...family.samples];
      all.set(name, { ...family, samples });
    }
  }
  return all;
}

/** Labels that Prometheus itself adds to what it scrapes, and those of buckets. */
const added = ['instance', 'job', 'le'];

/** The labels of every metric that is told, by each of the names that an expression may call it. */
function labelsOf(families: ReadonlyMap<string, Family>): Map<string, Set<string>> {
  const labels = new Map<string, Set<string>>();
  const add = (name: string, more: readonly string[]) =>
    labels.set(name, new Set([...(labels.get(name) ?? added), ...more]));
  for (const { name, type, samples } of families.values()) {
    const own = (registry.getSingleMetric(name) as { labelNames?: string[] } | undefined)?.labelNames ?? [];
    const endings = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    for (const ending of endings) add(name + ending, own);
    for (const sample of samples) add(sample.name, Object.keys(sample.labels));
  }
  return labels;
}

test('the dashboard and the alerts ask for metrics and labels that a running system tells', async () => {
  const told = labelsOf(await scrapeAll());
  for (const { where, expression, shown } of expressionsOfOps()) {
    const { metrics, matched, grouped } = readPromql(expression);
    for (const metric of metrics) expect([...told.keys()], `${where} asks for it`).toContain(metric);
    for (const { metric, label } of matched) {
      expect([...told.get(metric)!], `${where}: labels of ${metric}`).toContain(label);
    }
    const ofAll = metrics.flatMap((metric) => [...told.get(metric)!]);
    for (const label of [...grouped, ...shown]) expect(ofAll, `${where}: a label`).toContain(label);
  }
});
