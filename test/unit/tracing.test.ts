import { expect, test } from 'vitest';
import { traceRequest } from '../../src/tracing/events.ts';
import { beginSpan, contextOf, contextOfHeader, openTracing } from '../../src/tracing/tracing.ts';

const options = {
  service: 'test',
  role: 'api',
  version: '1',
  sampler: 'traceidratio',
  samplerArgument: 0.5,
} as const;
const trace = '0af7651916cd43dd8448eb211c80319c';
const span = 'b7ad6b7169203331';

test('a caller is understood when his header is whole, and disregarded else', () => {
  expect(contextOfHeader(`00-${trace}-${span}-01`)).toEqual({
    traceId: trace,
    spanId: span,
    traceFlags: 1,
    isRemote: true,
  });
  expect(contextOfHeader(`00-${trace}-${span}-00`)?.traceFlags).toBe(0);
  expect(contextOfHeader(`cc-${trace}-${span}-01-what-will-be`)?.traceId).toBe(trace);
  const broken = [
    undefined,
    '',
    `ff-${trace}-${span}-01`,
    `00-${'0'.repeat(32)}-${span}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${trace}-${span}`,
  ];
  for (const text of broken) expect(contextOfHeader(text), text).toBeNull();
});

test('without a collector nothing is traced', () => {
  expect(openTracing({ ...options, on: false })).toBeNull();
  expect([beginSpan('a', {}), contextOf('event', 's', 'm'), traceRequest(undefined)]).toEqual([
    null,
    null,
    null,
  ]);
});

test('the same name has the same trace in every process, and the same share of names is kept', async () => {
  const names = Array.from({ length: 1_000 }, (_, index) => `m${index}`);
  const contexts = async () => {
    const traces = openTracing({ ...options, on: true });
    const found = names.map((name) => contextOf('event', 'source', name));
    await traces?.close();
    return found;
  };
  const first = await contexts();
  expect(await contexts()).toEqual(first);
  const kept = first.filter((context) => context !== null);
  expect(kept.length).toBeGreaterThan(400);
  expect(kept.length).toBeLessThan(600);
  expect(new Set(kept.map(({ traceId }) => traceId)).size).toBe(kept.length);
});
