// What the way through the catalog's child costs beside the catalog's own framework: batches of 100 against a bare loop
// over the same `executeBatch`, single events against its default client, and the CPU time of each part. Of single events
// also what lies in between: the client alone, in one process, and what no client can save (mapping, and an exchange as
// such).
//   node bench/catalog.ts [events] [singleEvents] [rounds]
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeFlags } from '../src/child-process.ts';
import { selfSigned } from '../test/support/self-signed.ts';
import { cpuSeconds } from './replays.ts';
import { childrenOf, median, report, say } from './rig.ts';

const [events, singles, rounds] = [40_000, 4_000, 3].map((usual, index) =>
  Number(process.argv[index + 2] ?? usual),
) as [number, number, number];

const file = (name: string) => new URL(name, import.meta.url);

// As all destinations of the catalog do, the sink speaks TLS.
const { key, cert } = selfSigned('127.0.0.1');
const folder = mkdtempSync(join(tmpdir(), 'reprise-bench-'));
const authority = join(folder, 'cert.pem');
writeFileSync(authority, cert);

async function startSink(): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const child = fork(file('sink.ts'), { env: { ...process.env, SINK_KEY: key, SINK_CERT: cert } });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { child, url: `https://127.0.0.1:${port}` };
}

const megabytesOf = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1_024;

interface Measured {
  readonly perSecond: number;
  /** CPU time for an event, in microseconds: of the process itself, of its children, of the sink. */
  readonly ownMicros: number;
  readonly childMicros: number;
  readonly sinkMicros: number;
  readonly megabytes: number;
}

type Side = 'bare' | 'sender' | 'client' | 'mapping' | 'exchange';

async function measure(side: Side, batchSize: number, count: number): Promise<Measured> {
  const sink = await startSink();
  const args = [side, sink.url, String(batchSize), String(count)];
  const worker = fork(file('catalog-worker.ts'), args, {
    execArgv: [...nodeFlags],
    env: { ...process.env, NODE_EXTRA_CA_CERTS: authority },
  });
  worker.once('exit', (code) => {
    if (code !== 0) process.exit(1);
  });
  await once(worker, 'message');
  const own = [worker.pid!];
  const children = childrenOf(worker.pid!);
  const all = [own, children, [sink.child.pid!]];
  const used = async () => await Promise.all(all.map((pids) => cpuSeconds(pids)));
  const before = await used();
  worker.send('go');
  const [{ perSecond }] = (await once(worker, 'message')) as [{ perSecond: number }];
  const after = await used();
  const megabytes = [...own, ...children].reduce((sum, pid) => sum + megabytesOf(pid), 0);
  const [ownMicros, childMicros, sinkMicros] = after.map((seconds, index) =>
    Number((((seconds - before[index]!) * 1e6) / count).toFixed(1)),
  ) as [number, number, number];
  worker.disconnect();
  sink.child.disconnect();
  await Promise.all([once(worker, 'exit'), once(sink.child, 'exit')]);
  return { perSecond, ownMicros, childMicros, sinkMicros, megabytes: Math.round(megabytes) };
}

/** Rounds of several sides in turns. @returns of each side the middle round by its rate, and all of them */
async function rounded<Name extends Side>(names: readonly Name[], batchSize: number, count: number) {
  const all = Object.fromEntries(names.map((name) => [name, [] as Measured[]])) as Record<Name, Measured[]>;
  for (let round = 0; round < rounds; round++) {
    for (const side of names) {
      const measured = await measure(side, batchSize, count);
      say({ batchSize, side, ...measured });
      all[side].push(measured);
    }
  }
  const middles = names.map((name) => {
    const sorted = all[name].toSorted((a, b) => a.perSecond - b.perSecond);
    return [name, sorted[Math.floor(sorted.length / 2)]!] as const;
  });
  return { all, middle: Object.fromEntries(middles) as Record<Name, Measured> };
}

const rounded2 = (number: number) => Number(number.toFixed(2));

/** How much of one side's pace another makes, round by round. */
function paces(of: readonly Measured[], to: readonly Measured[]) {
  const ratios = of.map(({ perSecond }, round) => rounded2(perSecond / to[round]!.perSecond));
  return { ratio: median(ratios), ratios };
}

async function batches(count: number): Promise<Record<string, unknown>> {
  const { all, middle } = await rounded(['bare', 'sender'], 100, count);
  return { events: count, ...paces(all.sender, all.bare), ...middle };
}

async function oneByOne(count: number): Promise<Record<string, unknown>> {
  const { all, middle } = await rounded(['bare', 'sender', 'client', 'mapping', 'exchange'], 1, count);
  const micros = (side: keyof typeof all) =>
    median(all[side].map(({ ownMicros, childMicros }) => ownMicros + childMicros));
  const mapping = micros('mapping');
  return {
    events: count,
    ...paces(all.sender, all.bare),
    cpu: {
      // How many times the CPU time of each the default client takes.
      sender: rounded2(micros('bare') / micros('sender')),
      clientInOneProcess: rounded2(micros('bare') / micros('client')),
      clientWithoutMapping: rounded2((micros('bare') - mapping) / (micros('client') - mapping)),
      noClientAtAll: rounded2(micros('bare') / (mapping + micros('exchange'))),
    },
    clientInOneProcess: paces(all.client, all.bare),
    ...middle,
  };
}

await report('catalog', {
  rounds,
  batchesOf100: await batches(events),
  oneByOne: await oneByOne(singles),
});
rmSync(folder, { recursive: true });
