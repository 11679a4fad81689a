// Memory of a delivery worker that replays to destinations of the catalog, with the children that run their code: shared
// pages counted once (PSS), at their highest. Three take events at a local sink; of fifty the others find nobody at the
// host that they want, but their code is loaded and maps. The worker is the built one, as an image has it: Node strips
// types in each process that runs their source.
//   npm run build && node bench/worker-memory.ts [events]
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readConfig } from '../src/config.ts';
import { ReplayRequest } from '../src/core/replay-request.ts';
import { insertDestination } from '../src/db/destinations.ts';
import { createReplay } from '../src/db/replays.ts';
import { sql } from '../src/db/sql.ts';
import { catalogSummaries, readCatalogDocument } from '../src/destinations/catalog/read.ts';
import { obstacleOf } from '../src/destinations/catalog/obstacles.ts';
import { createKeyring, seal, settingsPlace } from '../src/destinations/secrets.ts';
import { openOrchestrator } from '../src/temporal/orchestrator.ts';
import { selfSigned } from '../test/support/self-signed.ts';
import { childrenOf, fill, report, say, withRig, type Rig } from './rig.ts';

const events = Number(process.argv[2] ?? 20_000);
/** Types whose host is a setting, by that setting. */
const reachable = {
  'actions-klime': 'apiEndpoint',
  'actions-altertable': 'endpoint',
  'actions-equals': 'url',
} as const;
const watchedMs = 60_000;

const { key, cert } = selfSigned('127.0.0.1');
const folder = mkdtempSync(join(tmpdir(), 'reprise-bench-'));
const authority = join(folder, 'cert.pem');
writeFileSync(authority, cert);

/** Memory of a process, each shared page counted by how many share it; megabytes, 0 when it is gone. */
function pssOf(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))![1]) / 1_024;
  } catch {
    return 0;
  }
}

/** Connects a destination without a stream and begins a replay to it. */
async function replayTo(rig: Rig, type: string, url: string): Promise<string> {
  const document = readCatalogDocument(type)!;
  const required = document.settings.map(({ name }) => [name, 'x'] as const);
  const host = Object.entries(reachable).find(([known]) => known === type)?.[1];
  const settings = { ...Object.fromEntries(required), ...(host !== undefined && { [host]: url }) };
  const preset = document.presets.find(({ trigger }) => trigger?.includes('track')) ?? document.presets[0]!;
  const [destinationId, replayId] = [randomUUID(), randomUUID()];
  const keyring = createKeyring(rig.environment['REPRISE_SECRET_KEY']!);
  await rig.db.transaction(async (tx) => {
    await insertDestination(tx, {
      id: destinationId,
      type,
      name: type,
      enabled: false,
      settingsSealed: seal(settings, settingsPlace(destinationId), keyring),
      sources: null,
      budget: {},
      actions: [
        { name: preset.name, action: preset.action, trigger: 'type = "track"', mapping: preset.mapping },
      ],
    });
    await createReplay(tx, { id: replayId, destinationId, request: ReplayRequest.parse({ destinationId }) });
  });
  const orchestrator = openOrchestrator(readConfig(rig.environment));
  await orchestrator.startReplay({ destinationId, replayId, lanes: 1, takesUp: false });
  await orchestrator.close();
  return replayId;
}

async function measure(count: number): Promise<void> {
  await withRig(async (rig) => {
    await fill(rig.db, events);
    await rig.start('src/workers/orchestration.ts');
    const worker = await rig.start('dist/workers/delivery.js', { env: { NODE_EXTRA_CA_CERTS: authority } });
    const sink = await rig.start('bench/sink.ts', { env: { SINK_KEY: key, SINK_CERT: cert } });
    const before = pssOf(worker.pid);
    const others = catalogSummaries()
      .filter(
        (one) => obstacleOf(one.type) === null && (readCatalogDocument(one.type)?.presets.length ?? 0) > 0,
      )
      .map(({ type }) => type)
      .filter((type) => !(type in reachable));
    const types = [...Object.keys(reachable), ...others].slice(0, count);
    const runs = [];
    for (const type of types) runs.push(await replayTo(rig, type, `https://127.0.0.1:${sink.port}`));
    let highest = { all: 0, worker: 0, children: [0] };
    for (const until = performance.now() + watchedMs; performance.now() < until; await pause(200)) {
      const own = pssOf(worker.pid);
      const children = childrenOf(worker.pid).map(pssOf);
      const all = own + children.reduce((sum, one) => sum + one, 0);
      if (all > highest.all) highest = { all, worker: own, children };
    }
    const [worked] = await rig.db.rows<{ begun: number; done: number }>(sql`
      select count(*) filter (where l.read_to > 0) as begun, count(*) filter (where l.state = 'done') as done
      from lane l where l.run_id = any(${runs}::uuid[])`);
    const figures = {
      destinations: count,
      ...worked,
      beforeMb: Math.round(before),
      highestMb: Math.round(highest.all),
      workerMb: Math.round(highest.worker),
      childrenMb: highest.children.map(Math.round),
    };
    say(figures);
    results.push(figures);
  });
}

const results: object[] = [];
try {
  for (const count of [3, 50]) await measure(count);
  await report('worker-memory', { events, measured: 'PSS', results });
} finally {
  rmSync(folder, { recursive: true });
}
