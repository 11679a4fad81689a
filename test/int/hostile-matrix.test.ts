import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Outcome } from '../../src/core/outcome.ts';
import { jobDeadlineMs } from '../../src/destinations/catalog/job-run.ts';
import { breaks, lies, type Hostility } from '../support/hostile-answers.ts';
import { bodies, slow } from '../support/hostile/bodies.ts';
import {
  canary,
  ownTimeoutMs,
  sufferingDestinations,
  type Suffering,
} from '../support/hostile/destinations.ts';
import { doors } from '../support/hostile/doors.ts';
import { parts } from '../support/hostile/parts.ts';
import { startNeighbours, type Neighbours } from '../support/hostile/neighbours.ts';
import { startSending, type Memory, type Sending, type Told } from '../support/hostile/sending.ts';
import { hostileUser, startHostileServer, type HostileServer } from '../support/hostile/server.ts';
import { statuses } from '../support/hostile/statuses.ts';

// Every hostile answer and connection against each of twelve destinations, through the senders of a delivery worker and
// their children, in a process of its own; two healthy destinations are sent to beside them all the time.
const answers: readonly Hostility[] = [...slow, ...breaks, ...lies, ...bodies, ...statuses, ...parts];
const destinations = sufferingDestinations();
/** Senders at work at once. */
const together = 120;
/** For a machine that is busy: a deadline is one of the process that keeps it. */
const slackMs = 10_000;
const megabytesMore = 50;
/** What the allocator of the C library keeps of a peak, in pieces, is nothing that is held, and has its bounds. */
const residentMore = 150;

let server: HostileServer;
let sending: Sending;
let neighbours: Neighbours;
let before: Memory;

const pairs = answers.flatMap((answer, index) =>
  destinations.map((destination) => ({ answer, index, destination })),
);

beforeAll(async () => {
  server = await startHostileServer(answers);
  sending = await startSending();
  await sending.divert(server.cert, server.ports(null));
  // As many senders at once as later, to hosts that mean well: what is held after that is no hostility.
  await pooled(pairs, together, ({ index, destination }) =>
    withSender(`well ${index} ${destination.type}`, destination, (name) => sending.send(name, 'well')),
  );
  before = await sending.memory();
  neighbours = await startNeighbours(sending);
}, 120_000);
afterAll(async () => {
  await sending.end();
  await server.close();
});

test('there are 40 kinds of hostility and more, and twelve destinations', () => {
  const names = [...answers, ...doors].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(40);
  expect(new Set(destinations.map(({ type }) => type)).size).toBe(12);
});

test(
  'whatever is answered, each attempt ends as it should, and the next event goes on',
  { timeout: 170_000 },
  async () => {
    const faults = await pooled(pairs, together, async ({ answer, index, destination }) => {
      const name = `${answer.name} ${destination.type}`;
      return await withSender(name, destination, async () => {
        const told = await sending.send(name, hostileUser(index));
        const asked = server.asked(hostileUser(index), destination.host);
        return [
          ...faultsOf(told, destination, kindsOf(answer, destination)),
          ...(asked ? [] : ['it was not asked']),
          ...((await arrives(name)) ? [] : ['the next event does not arrive']),
        ].map((fault) => `${name}: ${fault}`);
      });
    });
    expect(faults.flat()).toEqual([]);
    expect(server.followedRedirects).toEqual([]);
    expect(server.toldInClear).toEqual([]);
  },
);

test.each(doors)(
  'a destination that $name: nothing is told to it, and nothing is given up',
  { timeout: 120_000 },
  async (door) => {
    const name = (destination: Suffering) => `${door.name} ${destination.type}`;
    await Promise.all(destinations.map((destination) => sending.open(name(destination), destination)));
    await sending.divert(server.cert, server.ports(door));
    const faults = await Promise.all(
      destinations.map(async (destination) => {
        const told = await sending.send(name(destination), 'hostile-door');
        return faultsOf(told, destination, door.kinds).map((fault) => `${destination.type}: ${fault}`);
      }),
    );
    await sending.divert(server.cert, server.ports(null));
    expect(faults.flat()).toEqual([]);
    expect(server.toldInClear).toEqual([]);
    const back = await Promise.all(destinations.map((destination) => arrives(name(destination))));
    expect(back).toEqual(destinations.map(() => true));
    await Promise.all(destinations.map((destination) => sending.close(name(destination))));
  },
);

test('the healthy destinations beside them got every event', async () => {
  for (const { type, kept, arrived } of await neighbours.stop()) {
    expect([type, [...kept.ended]]).toEqual([type, [['delivered', kept.sent]]]);
    expect(arrived).toBe(kept.sent);
    expect(arrived).toBeGreaterThan(100);
  }
});

test('no process has ended, and none holds what it was sent', async () => {
  const after = async () => {
    const { held, megabytes, children } = await sending.memory();
    return {
      children: children.map(({ pid }) => pid),
      held: held - before.held < megabytesMore,
      resident: megabytes - before.megabytes < residentMore,
      more: children.filter(
        ({ megabytes: now }, index) => now - before.children[index]!.megabytes >= residentMore / 2,
      ),
    };
  };
  const good = {
    children: before.children.map(({ pid }) => pid),
    held: true,
    resident: true,
    more: [],
  };
  // What is garbage is given back to the machine when the process gets round to it.
  await expect.poll(after, { timeout: 25_000, interval: 500 }).toEqual(good);
});

/** What is wrong with how an attempt ended. */
function faultsOf(
  { outcomes, tookMs }: Told,
  { action }: Suffering,
  kinds: readonly Outcome['kind'][],
): string[] {
  const faults: string[] = [];
  const [outcome] = outcomes;
  if (outcome === undefined || outcomes.length > 1) return ['not one outcome'];
  if (!kinds.includes(outcome.kind)) faults.push(`ended as ${JSON.stringify(outcome).slice(0, 300)}`);
  const deadlineMs = action === null ? ownTimeoutMs : jobDeadlineMs;
  if (tookMs > deadlineMs + slackMs) faults.push(`took ${Math.round(tookMs)} ms`);
  if (JSON.stringify(outcome).includes(canary)) faults.push('tells a secret');
  return faults;
}

/** How a delivery may end that is answered so. */
function kindsOf({ outcome, segment }: Hostility, { type, action }: Suffering): Outcome['kind'][] {
  if (segment !== undefined && type === 'segment') return [segment];
  // Customer.io’s answer says by `batch_index` what it refuses.
  if (segment !== undefined && type === 'actions-customerio') return ['failed', 'refused'];
  const kind = ('kind' in outcome ? outcome['kind'] : 'delivered') as Outcome['kind'];
  if (action === null || kind !== 'delivered') return [kind];
  // Code that reads an answer may find that it is none: the event goes again.
  return ['delivered', 'unconfirmable', 'failed'];
}

/** A healthy event arrives; one more try for each connection that was spoilt. */
async function arrives(name: string): Promise<boolean> {
  for (let tries = 0; tries < 4; tries++) {
    const { outcomes } = await sending.send(name, 'well');
    if (outcomes[0]?.kind === 'delivered' || outcomes[0]?.kind === 'unconfirmable') return true;
  }
  return false;
}

async function withSender<T>(
  name: string,
  destination: Suffering,
  work: (name: string) => Promise<T>,
): Promise<T> {
  await sending.open(name, destination);
  const result = await work(name);
  await sending.close(name);
  return result;
}

/** Does something with each, so many at a time, in order. */
async function pooled<T, R>(all: readonly T[], width: number, work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const run = async () => {
    for (let at = next++; at < all.length; at = next++) results[at] = await work(all[at]!);
  };
  await Promise.all(Array.from({ length: width }, run));
  return results;
}
