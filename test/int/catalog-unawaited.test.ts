import { expect, onTestFinished, test, vi } from 'vitest';
import { onUnawaited } from '../../src/destinations/catalog/unawaited.ts';
import { exposition } from '../../src/metrics/registry.ts';
import { watchRejections } from '../../src/workers/watch-rejections.ts';
import { openDialler } from '../support/catalog-sender.ts';
import { openGate } from '../support/deliveries.ts';
import { startReceiver } from '../support/receiver.ts';

test('a rejection that nobody awaited fails no event; it is counted, and logged once for its definition', async () => {
  const receiver = await startReceiver((_, response) => response.end('yes'));
  const { hostname: host, port } = new URL(receiver.url);
  const warn = vi.fn();
  onTestFinished(watchRejections({ warn }));
  const told = vi.fn();
  onTestFinished(onUnawaited(told));
  const mapping = { client: 'http', host, port: Number(port), say: '{}', then: 'reject' };
  const { sender, delivery } = openDialler(mapping);
  for (const round of [1, 2]) {
    expect(await sender.send([delivery()], openGate)).toMatchObject([{ kind: 'delivered' }]);
    await expect.poll(() => told.mock.calls.length).toBe(round);
  }
  const definition = expect.stringMatching(/dialler.index\.ts$/) as string;
  // Of a hundred in one turn one message came.
  expect(told.mock.calls).toMatchObject([
    [{ definition, count: 100, error: 'TypeError' }],
    [{ definition, count: 100, error: 'TypeError' }],
  ]);
  expect(warn.mock.calls).toMatchObject([[{ definition, error: 'TypeError' }, expect.any(String)]]);
  expect(await exposition()).toMatch(
    /^reprise_definition_rejections_total\{definition="[^"]*dialler[^"]*"\} 200$/m,
  );
});
