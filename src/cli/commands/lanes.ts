import { Option } from 'commander';
import { wholes } from '../arguments.ts';
import { withExamples, type On } from '../command.ts';
import { named } from '../names.ts';
import { pathOfReplay, replayArgument } from '../replay-meant.ts';
import type { Session } from '../session.ts';
import type { Destination, LaneShown } from '../shapes.ts';
import { table } from '../table.ts';
import { count, duration, moment, plain } from '../texts.ts';
import type { Command } from 'commander';

type Of = 'replay' | 'destination';

const examples = {
  replay: '2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914',
  destination: 'demo-crm',
} as const;

/** Adds what shows the checkpoints of a replay, or of a destination's stream, and moves them on. */
export function laneCommands(parent: Command, on: On, of: Of): void {
  const argument = of === 'replay' ? replayArgument : '<destination>';
  const whose = of === 'replay' ? 'of a replay' : 'of its stream';
  withExamples(
    parent
      .command(`lanes ${argument}`)
      .description(`show where each checkpoint ${whose} stands, and what holds it`)
      .action(on((session, _, [one = '']) => show(session, of, one))),
    [`reprise ${of} lanes ${examples[of]}`, 'Who works it, what has failed, when it is tried again'],
  );
  withExamples(
    parent
      .command(`give-up ${argument}`)
      .description(
        'give up on deliveries that fail and wait: they become dead letters, what stood behind goes on',
      )
      .addOption(
        new Option('--positions <n,…>', 'of these events only; all that have failed unless said').argParser(
          wholes,
        ),
      )
      .action(
        on((session, options: { positions?: number[] }, [one = '']) => giveUp(session, of, one, options)),
      ),
    [`reprise ${of} give-up ${examples[of]} --positions 90112`, 'One event that is at fault'],
    [`reprise ${of} give-up ${examples[of]} --yes`, 'All that waits after a failure, without asking'],
  );
}

async function pathOf({ api }: Session, of: Of, one: string): Promise<string> {
  if (of === 'replay') return await pathOfReplay(api, one);
  return `/api/destinations/${(await named<Destination>(api, 'destination', one)).id}`;
}

async function show(session: Session, of: Of, one: string): Promise<void> {
  const { data } = await session.api.json<{ data: LaneShown[] }>(`${await pathOf(session, of, one)}/lanes`);
  if (session.out.json) return session.out.document(data);
  tell(session, data);
  if (data.length === 0) session.out.say('It has no stream: it gets no new events.');
  if (data.some(({ waiting }) => waiting.failed > 0))
    session.out.say(`Next: reprise ${of} give-up ${one} (they become dead letters, which can be retried)`);
}

async function giveUp(
  session: Session,
  of: Of,
  one: string,
  { positions }: { positions?: number[] },
): Promise<void> {
  if (positions === undefined) await session.confirm('Give up on all that has failed and waits?');
  const path = `${await pathOf(session, of, one)}/give-up`;
  const body = positions === undefined ? {} : { positions };
  const answer = await session.api.json<{ givenUp: number | null; data: LaneShown[] }>(path, {
    method: 'POST',
    body,
  });
  const { out } = session;
  if (out.json) return out.document(answer);
  if (answer.givenUp === null) out.say('A worker has still to finish what is in flight.');
  else
    out.data(
      `${count(answer.givenUp)} ${answer.givenUp === 1 ? 'delivery is a dead letter' : 'deliveries are dead letters'} now`,
    );
  if (answer.givenUp === 0) out.say('Only what has failed and waits can be given up on: `lanes` shows it.');
}

function tell({ out }: Session, lanes: readonly LaneShown[]): void {
  if (lanes.length === 0) return;
  const headings = ['lane', 'state', 'checkpoint', 'next', 'holder', 'held for', 'waiting', 'next try'];
  out.data(table(headings, lanes.map(rowOf), out.width));
  for (const { lane, waiting } of lanes) {
    if (waiting.failed === 0) continue;
    out.data(`\nLane ${lane}: ${count(waiting.failed)} failed, ${count(waiting.events)} events wait`);
    for (const each of waiting.oldest)
      out.data(
        `  position ${each.position}  ${each.errorClass}, ${each.attempts} attempts, again at ${moment(each.dueAt)}: ${plain(each.message)}`,
      );
  }
}

function rowOf(lane: LaneShown): string[] {
  const { holder, heldSince, next, mark } = lane;
  return [
    String(lane.lane),
    lane.state + (lane.stateReason === null ? '' : ` (${lane.stateReason})`),
    count(mark.position),
    next === null ? '' : `${next.position} ${next.name ?? next.type}`,
    holder === null ? 'nobody' : `${holder.host ?? '?'} ${holder.pid ?? ''}`.trim(),
    heldSince === null ? '' : duration((Date.now() - Date.parse(heldSince)) / 1_000),
    lane.waiting.events === 0 ? '' : count(lane.waiting.events),
    lane.nextTryAt === null ? '' : moment(lane.nextTryAt),
  ];
}
