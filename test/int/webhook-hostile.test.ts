import { describe, expect, it } from 'vitest';
import { breaks, delivered, lies, whole } from '../support/hostile-answers.ts';
import { startRawReceiver, startReceiver } from '../support/receiver.ts';
import { openSender, sendOne } from '../support/webhook-sender.ts';

// What falls out of a callback of a socket ends the test run as an unhandled error, so every test here also says that
// the process lives.

describe('an answer that breaks off or lies', () => {
  it.each([...breaks, ...lies])('$name', async ({ answer, outcome }) => {
    const receiver = await startRawReceiver(answer);
    const sender = openSender(receiver.url, { timeoutMs: 5_000 });
    expect(await sendOne(sender)).toMatchObject(outcome);
    expect(receiver.requests).toHaveLength(1);
  });

  it('a reset before the request was read', async () => {
    const receiver = await startRawReceiver(
      () => undefined,
      (socket) => socket.resetAndDestroy(),
    );
    expect((await sendOne(openSender(receiver.url))).kind).toMatch(/^(failed|down)$/);
  });

  it('a reset right after a whole answer: this one arrived, the next one goes on', async () => {
    const receiver = await startRawReceiver((socket) => socket.write(whole, () => socket.resetAndDestroy()));
    const sender = openSender(receiver.url, { concurrency: 1 });
    await expect.poll(async () => (await sendOne(sender)).kind).toBe('delivered');
    await expect.poll(async () => (await sendOne(sender)).kind).toBe('delivered');
  });

  it('two answers to one request: the second one is nobody’s', async () => {
    const receiver = await startRawReceiver((socket) => socket.write(whole + whole));
    const sender = openSender(receiver.url, { concurrency: 1, timeoutMs: 5_000 });
    expect(await sendOne(sender)).toEqual(delivered);
    expect(await sendOne(sender)).toEqual(delivered);
    expect(receiver.requests).toHaveLength(2);
  });

  it('a redirect to itself is one request', async () => {
    const receiver = await startReceiver((_, response) =>
      response.writeHead(307, { location: '/events' }).end(),
    );
    expect(await sendOne(openSender(receiver.url))).toMatchObject({ kind: 'refused' });
    expect(receiver.requests).toHaveLength(1);
  });
});
