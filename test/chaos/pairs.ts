import type { Random } from '../support/simulation/random.ts';
import {
  answer,
  cutLinks,
  cutSink,
  disturbLinks,
  endRoles,
  killServer,
  loseAnswers,
  stopRole,
  stopServer,
  type Fault,
} from './faults.ts';

/** Two faults, the second of which begins while the first may not be over yet. */
export interface Pair {
  readonly faults: readonly [Fault, Fault];
  /** How much later the second begins; milliseconds. */
  readonly gapMs: number;
}

const maxGapMs = 2_000;
const delayMs = 100;

/** Each is short, so that many runs fit into an hour; how short is left to chance. */
const kinds: readonly ((random: Random) => Fault)[] = [
  () => endRoles('delivery-1', 'SIGKILL'),
  () => endRoles('delivery-2', 'SIGKILL'),
  () => endRoles('delivery', 'SIGKILL'),
  () => endRoles('api', 'SIGKILL'),
  () => endRoles('orchestration', 'SIGKILL'),
  () => endRoles('everything', 'SIGKILL'),
  () => endRoles('delivery-1', 'SIGTERM'),
  () => endRoles('delivery', 'SIGTERM'),
  () => endRoles('api', 'SIGTERM'),
  () => endRoles('everything', 'SIGTERM'),
  (random) => stopRole('delivery-1', random.int(500, 9_000)),
  (random) => stopRole('delivery-2', random.int(500, 9_000)),
  (random) => stopRole('api', random.int(500, 4_000)),
  (random) => stopRole('orchestration', random.int(500, 9_000)),
  (random) => stopServer('postgres', random.int(500, 7_000)),
  (random) => stopServer('temporal', random.int(500, 9_000)),
  (random) => killServer('postgres', random.int(0, 3_000)),
  (random) => killServer('temporal', random.int(0, 3_000)),
  (random) => cutLinks('delivery-1', 'postgres', random.int(200, 7_000)),
  (random) => cutLinks('delivery', 'postgres', random.int(200, 7_000)),
  (random) => cutLinks('api', 'postgres', random.int(200, 3_000)),
  (random) => cutLinks('delivery', 'temporal', random.int(200, 4_000)),
  (random) => disturbLinks('everything', 'postgres', { latencyMs: random.int(20, 150), jitterMs: 20 }, 4_000),
  (random) => loseAnswers('delivery', 'commit', random.int(1, 3)),
  (random) => loseAnswers('api', 'archive_append', random.int(1, 3)),
  (random) => cutSink(random.int(100, 3_000)),
  () => answer('500 for 20 %', { delayMs, refuse: { status: 500, share: 0.2 } }, 3_000),
  () => answer('429 with Retry-After', { delayMs, refuse: { status: 429, retryAfterSeconds: 3 } }, 500),
  (random) => {
    const when = random.pick(['before', 'in', 'after'] as const);
    return answer(`reset ${when} the answer`, { delayMs, cut: { when, share: 0.1 } }, 2_000);
  },
];

/** Chooses two faults that can be made at once: no two that say how one thing is to behave. */
export function choosePair(random: Random): Pair {
  for (;;) {
    const faults = [random.pick(kinds)(random), random.pick(kinds)(random)] as const;
    if (touched(faults[0]) !== touched(faults[1])) return { faults, gapMs: random.int(0, maxGapMs) };
  }
}

/** What has only one way to be at a time: a server that is up or down, the manner of a link, or of the destination. */
function touched({ kind, target }: Fault): string {
  if (target === 'postgres' || target === 'temporal') return target;
  if (target.includes('sink')) return 'sink';
  if (target.includes('>')) return `links to ${target.split('>')[1]}`;
  return `${kind} ${target}`;
}
