import { Argument } from 'commander';
import { rate } from '../arguments.ts';
import { withExamples, type Register } from '../command.ts';
import { named } from '../names.ts';
import { idOfReplay, pathOfReplay, replayArgument } from '../replay-meant.ts';
import { asksEvents, endings, summary } from '../replay-progress.ts';
import { allowOption, replayBody, replayOptions, type ReplayOptions } from '../replay-request.ts';
import type { Session } from '../session.ts';
import type { Destination, Replay, ReplayWithWarnings } from '../shapes.ts';
import { count, plain } from '../texts.ts';
import { orNone, orNull, type OrNone } from './destination-settings.ts';
import { laneCommands } from './lanes.ts';
import { changeReplay } from './replay-change.ts';
import { replayReads } from './replay-reads.ts';
import { replayReport } from './replay-report.ts';
import { watchReplay } from './watch-replay.ts';

interface CreateOptions extends ReplayOptions {
  readonly destination: string;
  readonly watch?: boolean;
}

/** Asking for replays, watching and steering them. */
export const replayCommands: Register = (parent, on) => {
  const replay = parent
    .command('replay')
    .description(
      'resend archived events to one destination; <replay> is an id, its first characters, or a label',
    );
  const create = replay
    .command('create')
    .description('start a replay: by itself it sends what the destination lacks of the whole archive')
    .requiredOption('--destination <destination>', 'name or id of the destination');
  withExamples(
    replayOptions(create).option('--watch', 'follow it until it has ended').action(on(createReplay)),
    [
      'reprise replay create --destination demo-crm --last 30d --watch',
      'What a destination lacks of the last 30 days',
    ],
    [
      'reprise replay create --destination demo-crm --only failed --from 2026-10-14T02:00:00Z --to 2026-10-14T08:00:00Z --rate 30/s',
      'What was given up on during an outage, slowly',
    ],
    [
      'reprise replay create --destination demo-crm --names "Order Completed" --canary 100',
      'A hundred orders first; `replay resume` sends the rest',
    ],
  );
  replayReads(replay, on);
  replayReport(replay, on);
  withExamples(
    replay
      .command(`watch ${replayArgument}`)
      .description('follow a replay until it has ended; Ctrl-C stops watching, not the replay')
      .action(on((session, _, [id = '']) => watch(session, id))),
    [
      'reprise replay watch 2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914',
      'A bar on a terminal, a line now and then elsewhere',
    ],
    [
      'reprise replay watch 2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914 --json | jq .counts.remaining',
      'Each state as a line of JSON',
    ],
  );
  steering(replay, on);
  changeReplay(replay, on);
  laneCommands(replay, on, 'replay');
};

const steering: Register = (replay, on) => {
  const verbs = [
    ['pause', 'pause a replay: what is in flight is finished'],
    ['resume', 'let a replay go on; behind its canary this approves it'],
    ['cancel', 'end a replay: nothing more is sent, what was delivered stays known'],
  ] as const;
  for (const [verb, description] of verbs) {
    withExamples(
      replay
        .command(`${verb} ${replayArgument}`)
        .description(description)
        .action(on((session, _, [id = '']) => steer(session, verb, id))),
      [
        `reprise replay ${verb} 2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914${verb === 'cancel' ? ' --yes' : ''}`,
        verb === 'cancel' ? 'Without asking' : 'The replay says how it stands then',
      ],
    );
  }
  withExamples(
    replay
      .command(`set-rate ${replayArgument}`)
      .addArgument(
        new Argument('<rate>', 'no more than that: 200/s, 1000/min; none: no limit').argParser(orNone(rate)),
      )
      .description('change how fast a replay sends, at once')
      .action(on(setRate)),
    [
      'reprise replay set-rate 2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914 200/s',
      'No more than 200 events a second',
    ],
    [
      'reprise replay set-rate 2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914 none',
      'As fast as the destination allows',
    ],
  );
  withExamples(
    replay
      .command(`retry-failed ${replayArgument}`)
      .description('take up again what a replay has given up on')
      .addOption(allowOption())
      .option('--watch', 'follow it until it has ended')
      .action(on(retryFailed)),
    ['reprise replay retry-failed 2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914 --watch', 'Once the cause is mended'],
  );
};

async function createReplay(session: Session, options: CreateOptions): Promise<void> {
  const destination = await named<Destination>(session.api, 'destination', options.destination);
  const body = await replayBody(session.api, destination.id, options);
  const replay = await session.api.json<ReplayWithWarnings>('/api/replays', {
    method: 'POST',
    body,
    creates: true,
  });
  await begun(session, replay, destination.name, options.watch === true);
}

async function retryFailed(
  session: Session,
  { watch, allowSideEffects }: { watch?: boolean; allowSideEffects?: readonly string[] },
  [id = '']: readonly string[],
): Promise<void> {
  const replay = await session.api.json<ReplayWithWarnings>(
    `${await pathOfReplay(session.api, id)}/retry-failed`,
    { method: 'POST', creates: true, ...(allowSideEffects && { body: { allowSideEffects } }) },
  );
  await begun(session, replay, null, watch === true);
}

async function watch(session: Session, asked: string): Promise<void> {
  await watchReplay(session, await idOfReplay(session.api, asked));
}

/** Tells of a replay that was made, with what its answer warns of. */
async function begun(
  session: Session,
  replay: ReplayWithWarnings,
  destination: string | null,
  follow: boolean,
): Promise<void> {
  const { out } = session;
  for (const warning of warningsOf(replay)) out.warn(warning);
  if (out.json && !follow) out.document(replay);
  if (!out.json) {
    const { selected, selectedExact } = replay.counts;
    const events = `${selectedExact ? '' : asksEvents(replay) ? 'about ' : 'at least '}${count(selected)} events`;
    out.say(
      `Replay of ${events}${destination === null ? '' : ` to ${plain(destination)}`} is ${replay.status}.`,
    );
    if (!follow || out.quiet) out.data(replay.id);
  }
  if (follow) await watchReplay(session, replay.id);
  else out.say(`Next: reprise replay watch ${replay.id}`);
}

function warningsOf(replay: ReplayWithWarnings): string[] {
  const { cutToStream, toPosition } = replay.range;
  const cut = cutToStream
    ? [
        `The range ends at position ${count(toPosition)}: what lies above belongs to the destination’s own stream.`,
      ]
    : [];
  return [...replay.warnings.map(({ message }) => plain(message)), ...cut];
}

async function steer(session: Session, verb: 'pause' | 'resume' | 'cancel', id: string): Promise<void> {
  if (verb === 'cancel') await session.confirm('End this replay for good?');
  const path = await pathOfReplay(session.api, id);
  const replay = await session.api.json<Replay>(`${path}/${verb}`, { method: 'POST' });
  stands(session, replay);
  if (replay.status.endsWith('ing') && replay.status !== 'running')
    session.out.say('A worker has still to confirm it.');
  if (verb === 'pause') session.out.say(`Next: reprise replay resume ${replay.id}`);
  if (verb === 'resume') session.out.say(`Next: reprise replay watch ${replay.id}`);
}

async function setRate(
  session: Session,
  _: unknown,
  [id, asked]: readonly [string, OrNone<number>],
): Promise<void> {
  const body = { pace: { eventsPerSecond: orNull(asked) } };
  const path = await pathOfReplay(session.api, id);
  stands(session, await session.api.json<Replay>(path, { method: 'PATCH', body }));
}

function stands({ out }: Session, replay: Replay): void {
  if (out.json) return out.document(replay);
  out.data(endings.includes(replay.status) ? summary(replay) : replay.status);
}
