import { expect, test } from 'vitest';
import { StopOrder, StoppingError, type Place } from '../../src/dev/stop-order.ts';

function recorder() {
  const seen: string[] = [];
  const order = new StopOrder();
  const start = (place: Place, name: string, ending: Promise<void> = Promise.resolve()) => ({
    place,
    stoppable: {
      stop: async () => {
        seen.push(`stop ${name}`);
        await ending;
        seen.push(`${name} ended`);
      },
      cut: () => void seen.push(`cut ${name}`),
    },
  });
  return { seen, order, start };
}

test('each place waits for the end of the one before it, whatever the order of starting', async () => {
  const { seen, order, start } = recorder();
  for (const one of [
    start('lock', 'lock'),
    start('postgres', 'postgres'),
    start('temporal', 'temporal'),
    start('processes', 'api'),
    start('demo destination', 'demo'),
    start('processes', 'worker'),
  ]) {
    await order.add(one.place, one.stoppable);
  }
  await order.stop();
  expect(seen).toEqual([
    'stop api',
    'stop worker',
    'api ended',
    'worker ended',
    'stop demo',
    'demo ended',
    'stop temporal',
    'temporal ended',
    'stop postgres',
    'postgres ended',
    'stop lock',
    'lock ended',
  ]);
});

test('what is still starting is waited for and stopped', async () => {
  const { seen, order, start } = recorder();
  const starting = Promise.withResolvers<ReturnType<typeof start>['stoppable']>();
  const added = order.add('postgres', starting.promise);
  const stopped = order.stop();
  starting.resolve(start('postgres', 'postgres').stoppable);
  await Promise.all([added, stopped]);
  expect(seen).toEqual(['stop postgres', 'postgres ended']);
});

test('what is started too late is stopped at once, and its starter told', async () => {
  const { seen, order, start } = recorder();
  await order.stop();
  await expect(order.add('processes', start('processes', 'late').stoppable)).rejects.toThrow(StoppingError);
  expect(seen).toEqual(['stop late', 'late ended']);
});

test('a failed start, or a failed stop, does not keep the rest running', async () => {
  const { seen, order, start } = recorder();
  await expect(order.add('temporal', Promise.reject(new Error('no start')))).rejects.toThrow('no start');
  await order.add('processes', { stop: () => Promise.reject(new Error('no end')) });
  const { stoppable } = start('postgres', 'postgres');
  await order.add('postgres', stoppable);
  await order.stop();
  expect(seen).toEqual(['stop postgres', 'postgres ended']);
});

test('cut short, it waits for nothing that can be cut', async () => {
  const { seen, order, start } = recorder();
  const worker = Promise.withResolvers<void>();
  await order.add('processes', start('processes', 'worker', worker.promise).stoppable);
  await order.add('temporal', start('temporal', 'temporal').stoppable);
  const stopped = order.stop();
  await expect.poll(() => seen).toContain('stop worker');
  order.cutShort();
  await expect.poll(() => seen).toContain('cut worker');
  worker.resolve();
  await stopped;
  expect(seen.indexOf('cut temporal')).toBeGreaterThan(-1);
  expect(seen.at(-1)).toBe('temporal ended');
});

test('asked twice, it stops once', async () => {
  const { seen, order, start } = recorder();
  await order.add('processes', start('processes', 'api').stoppable);
  await Promise.all([order.stop(), order.stop()]);
  expect(seen).toEqual(['stop api', 'api ended']);
});
