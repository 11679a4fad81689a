import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { CatalogChild } from '../../src/destinations/catalog/child-process.ts';
import { AccountHttp } from '../../src/destinations/catalog/account-http.ts';
import { JobRun } from '../../src/destinations/catalog/job-run.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { openCatalogWebhook, type OpenCatalogSender } from '../support/catalog-sender.ts';
import { openGate } from '../support/deliveries.ts';
import { memoryOf } from '../support/memory.ts';
import { startReceiver } from '../support/receiver.ts';
import { loopback } from '../support/webhook-sender.ts';

// A range of liquid that ends a whole process: V8 gives up on one huge array without asking anybody.
const deadly = { data: { a: { '@liquid': '{{ (1..100000000) | size }}' } } };

async function sendEach({ sender, delivery }: OpenCatalogSender, count: number): Promise<Outcome[]> {
  const sent = Array.from({ length: count }, (_, n) => sender.send([delivery(`{"n":${n}}`)], openGate));
  return (await Promise.all(sent)).flat();
}

describe('a mapping that ends its process', () => {
  it('costs its own event, not this process, and nothing of it has left', async () => {
    const receiver = await startReceiver();
    const [outcome] = await sendEach(openCatalogWebhook(receiver.url, deadly), 1);
    expect(outcome).toMatchObject({ kind: 'refused', failure: { errorClass: 'definition_crashed' } });
    expect(receiver.requests).toHaveLength(0);
  });

  it('is blamed alone: the events beside it in the same child arrive', async () => {
    const receiver = await startReceiver();
    const neighbours = [0, 1].map(() => openCatalogWebhook(receiver.url));
    const hostile = openCatalogWebhook(receiver.url, deadly);
    const [guilty, ...innocent] = await Promise.all([
      sendEach(hostile, 1),
      ...neighbours.map((neighbour) => sendEach(neighbour, 20)),
    ]);
    expect(guilty).toMatchObject([{ kind: 'refused', failure: { errorClass: 'definition_crashed' } }]);
    // What had left when the child ended is not known to have arrived; it is sent again, never given up on.
    const kinds = new Set(innocent.flat().map(({ kind }) => kind));
    expect([...kinds].filter((kind) => kind !== 'delivered' && kind !== 'failed')).toEqual([]);
    expect(await sendEach(neighbours[0]!, 5)).toMatchObject(
      Array.from({ length: 5 }, () => ({ kind: 'delivered' })),
    );
  });
});

describe('a child', () => {
  const account = { folder: 'webhook', settings: {} };

  it.runIf(process.platform === 'linux')('holds nothing of what was sent and answered', async () => {
    const receiver = await startReceiver((_, response) => response.end(Buffer.alloc(200_000, 97)));
    const child = new CatalogChild();
    onTestFinished(() => child.close());
    const http = new AccountHttp({ egress: loopback, connections: 8 });
    onTestFinished(() => http.close());
    const mapping = { url: receiver.url, method: 'POST', data: {} };
    const work = { kind: 'one', action: { type: 'send', mapping }, event: '{}' } as const;
    const performSome = async () => {
      for (let rounds = 0; rounds < 75; rounds++) {
        const runs = Array.from({ length: 8 }, () => new JobRun({ account, work, http, gate: openGate }));
        const ends = await Promise.all(runs.map((run) => child.perform(run)));
        expect(new Set(ends.map(({ kind }) => kind))).toEqual(new Set(['result']));
      }
    };
    await performSome();
    const { now: before } = memoryOf(child.pid!);
    await performSome();
    await performSome();
    expect(memoryOf(child.pid!).now - before).toBeLessThan(100);
  });

  it('that does not come back from its code is ended, and those in it are told so', async () => {
    const receiver = await startReceiver(() => undefined);
    const child = new CatalogChild();
    const http = new AccountHttp({ egress: loopback, connections: 2 });
    const mapping = { url: receiver.url, method: 'POST', data: {} };
    const work = { kind: 'one', action: { type: 'send', mapping }, event: '{}' } as const;
    const runs = [0, 1].map(() => child.perform(new JobRun({ account, work, http, gate: openGate })));
    await expect.poll(() => receiver.requests.length, { timeout: 30_000 }).toBe(2);
    process.kill(child.pid!, 'SIGSTOP');
    const exited = expect.objectContaining({ kind: 'exited', alone: false, started: true });
    expect(await Promise.all(runs)).toEqual([exited, exited]);
    await http.close();
  });

  it.runIf(process.platform === 'linux')(
    'has no environment, so that it knows no key of this process',
    () => {
      vi.stubEnv('CANARY_SECRET', 'canary-of-the-environment');
      const child = new CatalogChild();
      onTestFinished(() => {
        vi.unstubAllEnvs();
        child.close();
      });
      expect(readFileSync(`/proc/${child.pid}/environ`, 'utf8')).not.toContain('canary-of-the-environment');
    },
  );
});
