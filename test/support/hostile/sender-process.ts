// A process that sends what it is told to, through the senders of the product and their children; for it every host of
// the world is on this machine.
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { addOwnDefinitions } from '../../../src/destinations/catalog/own-folder.ts';
import type { Sender } from '../../../src/destinations/definition.ts';
import { parseEgressAllow } from '../../../src/destinations/egress-address.ts';
import { loadDefinition } from '../../../src/destinations/registry.ts';
import { columnsOf, takenBy } from '../contract/events.ts';
import { deliveryOf, openGate } from '../deliveries.ts';
import { divert } from '../internet.ts';
import { memoryOf } from '../memory.ts';
import type { Asked, Kept, Memory, Told } from './sending.ts';

const collector = 'garbage';
await addOwnDefinitions(new URL('definitions', import.meta.url).pathname);

const ports = new Map<number, number>();
const senders = new Map<string, { readonly sender: Sender; readonly actionId: string }>();
const egress = parseEgressAllow(['127.0.0.0/8']);

async function openSender({ name, destination }: Extract<Asked, { kind: 'open' }>): Promise<void> {
  const { type, settings, action, mapping } = destination;
  const definition = (await loadDefinition(type))!;
  const actionId = randomUUID();
  const actions = [{ actionId, action, mapping }];
  const context = { egress, destinationId: randomUUID(), replay: false, actions };
  senders.set(name, { sender: definition.open(settings, context), actionId });
}

/** An event of a user, as the engine hands it over. */
async function send({ name, user }: Extract<Asked, { kind: 'send' }>): Promise<Told> {
  const { sender, actionId } = senders.get(name)!;
  const names = { userId: user, anonymousId: user, messageId: `${user}-${randomUUID()}` };
  const now = new Date();
  const event = { ...takenBy(null, 'track', 1)!, ...names, timestamp: now.toISOString() };
  const delivery = deliveryOf(JSON.stringify(event), { actionId });
  const startedAt = performance.now();
  const sent = { ...delivery, event: { ...delivery.event, ...columnsOf(event), timestamp: now } };
  const outcomes = await sender.send([sent], openGate);
  return { outcomes, tookMs: performance.now() - startedAt };
}

const kept = new Map<string, () => Promise<Kept>>();

/** Sends events of ever new users, so many at a time, until it is halted. */
function keepSending({ name, atOnce }: Extract<Asked, { kind: 'keepSending' }>): void {
  const startedAt = performance.now();
  const ended = new Map<string, number>();
  let sent = 0;
  const halting = new AbortController();
  const run = async () => {
    while (!halting.signal.aborted) {
      const { outcomes } = await send({ kind: 'send', name, user: `well-${++sent}` });
      const { kind } = outcomes[0]!;
      ended.set(kind, (ended.get(kind) ?? 0) + 1);
    }
  };
  const runs = Array.from({ length: atOnce }, run);
  kept.set(name, async () => {
    halting.abort();
    await Promise.all(runs);
    return { sent, ended, tookMs: performance.now() - startedAt };
  });
}

/** Jobs at a time for the children: each of them gets some. */
const collections = 8;

/** What this process and its children hold once their garbage is gone. */
async function memory(): Promise<Memory> {
  globalThis.gc!();
  await Promise.all(
    Array.from({ length: collections }, () => send({ kind: 'send', name: collector, user: 'nobody' })),
  );
  const threads = readdirSync(`/proc/${process.pid}/task`);
  const children = threads.flatMap((thread) =>
    readFileSync(`/proc/${process.pid}/task/${thread}/children`, 'utf8')
      .split(' ')
      .filter(Boolean)
      .map(Number),
  );
  const { heapUsed, external } = process.memoryUsage();
  return {
    held: Math.round((heapUsed + external) / 1_048_576),
    megabytes: memoryOf(process.pid).now,
    children: children.map((pid) => ({ pid, megabytes: memoryOf(pid).now })),
  };
}

async function obey(asked: Asked): Promise<unknown> {
  switch (asked.kind) {
    case 'divert':
      if (ports.size === 0) divert(asked.cert, ports);
      for (const [from, to] of asked.ports) ports.set(from, to);
      return null;
    case 'open':
      return await openSender(asked);
    case 'send':
      return await send(asked);
    case 'keepSending':
      return keepSending(asked);
    case 'halt':
      return await kept.get(asked.name)!();
    case 'close': {
      const { sender } = senders.get(asked.name)!;
      senders.delete(asked.name);
      return await sender.close();
    }
    case 'memory':
      return await memory();
  }
}

process.on('message', ({ id, asked }: { id: number; asked: Asked }) => {
  void obey(asked).then((answer) => process.send?.({ id, answer: answer ?? null }));
});
process.on('disconnect', () => process.exit(0));
const collecting = { type: 'garbage', host: '', settings: {}, action: 'collect', mapping: {} };
await openSender({ kind: 'open', name: collector, destination: collecting });
process.send?.('ready');
