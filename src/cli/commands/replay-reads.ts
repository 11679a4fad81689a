import { Option } from 'commander';
import { several } from '../arguments.ts';
import { replayStatuses } from '../../core/replay-status.ts';
import { withExamples, type Register } from '../command.ts';
import { limited, showList } from '../lists.ts';
import { named } from '../names.ts';
import { pathOfReplay, replayArgument } from '../replay-meant.ts';
import { part, summary } from '../replay-progress.ts';
import type { Session } from '../session.ts';
import type { Destination, Replay } from '../shapes.ts';
import { facts } from '../table.ts';
import { count, duration, moment } from '../texts.ts';

interface ListOptions {
  readonly destination?: string;
  readonly status?: readonly string[];
  readonly label?: string;
  readonly open?: boolean;
  readonly limit: number;
}

/** Reading replays. */
export const replayReads: Register = (replay, on) => {
  withExamples(
    limited(replay.command('list').description('list replays, newest first'))
      .option('--destination <destination>', 'only those of this destination (name or id)')
      .addOption(
        new Option('--status <status,…>', 'only those of these statuses')
          .choices([...replayStatuses])
          .argParser(several(replayStatuses)),
      )
      .option('--label <label>', 'only those with this label')
      .option('--open', 'only those that have not ended')
      .action(on(list)),
    ['reprise replay list --open', 'What runs, waits or is paused'],
    ['reprise replay list --status failed,completed_with_failures', 'What needs a look'],
    [
      'reprise replay list --destination demo-crm --limit 500 --json',
      'All that a destination had, for a script',
    ],
  );
  withExamples(
    replay.command(`get ${replayArgument}`).description('show how a replay stands').action(on(get)),
    ['reprise replay get 2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914', 'Status, counts, range, pace'],
  );
};

async function list(session: Session, options: ListOptions): Promise<void> {
  const { destination, status, label, open, limit } = options;
  const of =
    destination === undefined ? undefined : await named<Destination>(session.api, 'destination', destination);
  const query = { destinationId: of?.id, status, label, open: open === true ? 'true' : undefined };
  await showList<Replay>(session, {
    path: '/api/replays',
    query,
    limit,
    headings: ['id', 'status', 'done', 'events', 'failed', 'created', 'label'],
    row: (one) => [
      one.id,
      one.status,
      `${Math.floor(part(one) * 100)}%`,
      count(one.counts.selected),
      count(one.counts.dead),
      moment(one.createdAt),
      one.label ?? '',
    ],
    none: 'There is no such replay. `reprise replay create --destination <name>` starts one.',
  });
}

async function get(session: Session, _: unknown, [id = '']: readonly string[]): Promise<void> {
  const replay = await session.api.json<Replay>(await pathOfReplay(session.api, id));
  const { out } = session;
  if (out.json) return out.document(replay);
  out.data(facts(factsOf(replay), out.width));
  if (replay.counts.dead > 0) out.say(`Next: reprise replay retry-failed ${replay.id}`);
}

function factsOf(replay: Replay): [string, string][] {
  const { range, pace, counts, statusReason, etaSeconds } = replay;
  const failures = Object.entries(replay.deadByClass).map(([kind, dead]) => `${kind} ${count(dead)}`);
  const pairs: [string, string | null][] = [
    ['Replay', replay.id],
    ['Label', replay.label],
    ['Labels', replay.labels.join(', ')],
    ['Note', replay.note],
    ['Destination', replay.destinationId],
    ['Status', replay.status + (statusReason === null ? '' : ` (${statusReason})`)],
    ['So far', summary(replay)],
    ['Done', `${Math.floor(part(replay) * 100)}% of ${count(counts.selected)} events`],
    ['Failures', failures.join(', ')],
    [
      'Positions',
      `${count(range.fromPosition)} to ${count(range.toPosition)}${range.cutToStream ? ' (cut to the stream)' : ''}`,
    ],
    ['Mode', replay.request.mode],
    [
      'Pace',
      `${pace.eventsPerSecond === null ? 'no limit' : `${pace.eventsPerSecond}/s`}, ${pace.lanes} lane${pace.lanes === 1 ? '' : 's'}`,
    ],
    [
      'Rate',
      replay.endedAt === null
        ? `${replay.rate}/s${etaSeconds === null ? '' : `, ETA ${duration(etaSeconds)}`}`
        : null,
    ],
    ['Created', moment(replay.createdAt)],
    ['Ended', replay.endedAt === null ? null : moment(replay.endedAt)],
    ['Workflow', replay.workflow.url ?? replay.workflow.id],
  ];
  return pairs.filter((pair): pair is [string, string] => pair[1] !== null && pair[1] !== '');
}
