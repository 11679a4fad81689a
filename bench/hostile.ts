// The pace of two healthy destinations beside twelve hostile ones in one process, against their pace alone.
//   node bench/hostile.ts [seconds] [rounds] [pauseMs]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { bodies, slow } from '../test/support/hostile/bodies.ts';
import { sufferingDestinations } from '../test/support/hostile/destinations.ts';
import { healthyDestinations } from '../test/support/hostile/neighbours.ts';
import { startSending } from '../test/support/hostile/sending.ts';
import { hostileUser, startHostileServer } from '../test/support/hostile/server.ts';
import { statuses } from '../test/support/hostile/statuses.ts';
import { breaks, lies } from '../test/support/hostile-answers.ts';
import { median, report, say } from './rig.ts';

const [seconds, rounds, hostilePauseMs] = [15, 3, 5_000].map((usual, index) =>
  Number(process.argv[index + 2] ?? usual),
) as [number, number, number];
/** The healthy ones take so long to answer, and get so many events at once: their pace is theirs to set. */
const answerMs = 50;
const atOnce = 8;
/** Of each hostile one so many events are under way, each followed by another after a pause: as by so many held lanes. */
const hostileAtOnce = 4;

const sink = fork(new URL('sink.ts', import.meta.url), [String(answerMs)]);
const [{ port }] = (await once(sink, 'message')) as [{ port: number }];
const answers = [...slow, ...breaks, ...lies, ...bodies, ...statuses];
const server = await startHostileServer(answers);
const sending = await startSending();
await sending.divert(server.cert, server.ports(null));
const healthy = healthyDestinations(`http://127.0.0.1:${port}`);
const hostile = sufferingDestinations();
for (const destination of [...healthy, ...hostile]) await sending.open(nameOf(destination), destination);

/** A type can be among the healthy and the hostile ones. */
function nameOf({ type, host }: { readonly type: string; readonly host: string }): string {
  return `${type} ${host}`;
}

/** Events per second that arrive at each healthy destination. */
async function paceOf(): Promise<Record<string, number>> {
  for (const destination of healthy) await sending.keepSending(nameOf(destination), atOnce);
  await pause(seconds * 1_000);
  const paces: Record<string, number> = {};
  for (const destination of healthy) {
    const { ended, sent, tookMs } = await sending.halt(nameOf(destination));
    const arrived = ended.get('delivered') ?? 0;
    if (arrived !== sent) throw new Error(`${sent - arrived} events did not arrive at ${destination.type}`);
    paces[destination.type] = Number(((arrived * 1_000) / tookMs).toFixed(1));
  }
  return paces;
}

let next = 0;
const hostileEnds: Record<string, number> = {};

/** Keeps all hostile destinations busy. @returns ends it */
function besetBy(): () => Promise<void> {
  const halting = new AbortController();
  const run = async (name: string) => {
    while (!halting.signal.aborted) {
      const { outcomes } = await sending.send(name, hostileUser(next++ % answers.length));
      const { kind } = outcomes[0]!;
      hostileEnds[kind] = (hostileEnds[kind] ?? 0) + 1;
      await pause(hostilePauseMs);
    }
  };
  const runs = hostile.flatMap((one) => Array.from({ length: hostileAtOnce }, () => run(nameOf(one))));
  return async () => {
    halting.abort();
    await Promise.all(runs);
  };
}

await paceOf(); // what is loaded once
const ratios: Record<string, number[]> = Object.fromEntries(healthy.map(({ type }) => [type, []]));
const measured: Record<string, Record<string, number>>[] = [];
for (let round = 0; round < rounds; round++) {
  const alone = await paceOf();
  const end = besetBy();
  const beside = await paceOf();
  await end();
  say({ round, alone, beside });
  measured.push({ alone, beside });
  for (const { type } of healthy) ratios[type]!.push(beside[type]! / alone[type]!);
}
const middle = Object.entries(ratios).map(([type, all]) => [type, Number(median(all).toFixed(3))]);
await report('hostile', {
  seconds,
  hostilePauseMs,
  hostileAtOnce,
  behaviours: answers.length,
  hostileDestinations: hostile.length,
  hostileEnds,
  ratio: Object.fromEntries(middle) as Record<string, number>,
  rounds: measured,
});
await sending.end();
await server.close();
sink.disconnect();
