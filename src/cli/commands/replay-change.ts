import { Option } from 'commander';
import { moment, rate, whole, window, words } from '../arguments.ts';
import { withExamples, type Register } from '../command.ts';
import { exits, Failure } from '../failure.ts';
import { given } from '../given.ts';
import { pathOfReplay, replayArgument } from '../replay-meant.ts';
import type { ReplayOptions } from '../replay-request.ts';
import type { Session } from '../session.ts';
import type { Replay } from '../shapes.ts';
import { count } from '../texts.ts';
import { orNone, orNull, type OrNone } from './destination-settings.ts';

interface ChangeOptions extends Pick<ReplayOptions, 'timeZone' | 'labels'> {
  readonly start?: OrNone<string>;
  readonly hours?: OrNone<Windows>;
  readonly from?: string;
  readonly to?: string;
  readonly rate?: OrNone<number>;
  readonly concurrency?: OrNone<number>;
  readonly schedule?: boolean;
  readonly label?: string;
  readonly note?: string;
}

type Windows = NonNullable<ReplayOptions['hours']>;

const hoursOrNone = (text: string, before: OrNone<Windows> | undefined): OrNone<Windows> =>
  text === 'none' ? text : window(text, before === 'none' ? undefined : before);

/** Changing a replay that was made. */
export const changeReplay: Register = (replay, on) => {
  withExamples(
    replay
      .command(`change ${replayArgument}`)
      .description('change a replay while it is not over; its names at any time')
      .option('--from <moment>', 'another begin, measured as its range is; none: the start of the archive')
      .option('--to <moment>', 'another end; none: as far as the destination’s stream lets it')
      .addOption(new Option('--rate <rate>', 'no more than that; none: no limit').argParser(orNone(rate)))
      .addOption(
        new Option('--concurrency <n>', 'no more requests at once; none: no limit').argParser(orNone(whole)),
      )
      .addOption(
        new Option('--start <moment>', 'begin at another time; none: at once').argParser(orNone(moment)),
      )
      .addOption(
        new Option(
          '--hours <from-to>',
          'send in these hours of the day only, instead of those it has; may be repeated; none: in all',
        ).argParser(hoursOrNone),
      )
      .option('--time-zone <zone>', 'whose hours they are, such as Europe/Berlin')
      .addOption(
        new Option('--no-schedule', 'begin at once, send in all hours').conflicts([
          'start',
          'hours',
          'timeZone',
        ]),
      )
      .option('--label <name>', 'another name; none: no name')
      .addOption(
        new Option('--labels <word,…>', 'words to find it by, instead of those it has').argParser(words),
      )
      .option('--note <text>', 'another text; none: no text')
      .action(on(change)),
    [
      'reprise replay change 2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914 --to 2026-10-14T12:00:00Z',
      'It goes further',
    ],
    [
      'reprise replay change 2c9d4f51-7f0e-4f0d-9a86-51b0c5d7e914 --hours 22:00-06:00 --time-zone Europe/Berlin',
      'From now on by night',
    ],
  );
};

async function change(session: Session, options: ChangeOptions, [id = '']: readonly string[]): Promise<void> {
  const path = await pathOfReplay(session.api, id);
  const body = bodyOf(
    options,
    options.from === undefined && options.to === undefined ? '' : await by(session, path),
  );
  if (body === undefined) throw new Failure(exits.usage, 'Say what is to change. (--help shows what can)');
  const replay = await session.api.json<Replay>(path, { method: 'PATCH', body });
  const { out } = session;
  if (out.json) return out.document(replay);
  const { selected, selectedExact, remaining } = replay.counts;
  const events = `${selectedExact ? '' : 'at least '}${count(selected)} events, ${count(remaining)} to go`;
  out.data(`${replay.status}: ${events}`);
}

/** What the replay's range is measured by: a position has to be a number in the body. */
async function by(session: Session, path: string): Promise<string> {
  return (await session.api.json<Replay>(path)).request.range.by;
}

function bodyOf(options: ChangeOptions, measure: string) {
  const { schedule, labels } = options;
  const end = (text: string | undefined) =>
    measure === 'position' && text !== undefined && /^\d+$/.test(text) ? Number(text) : orNull(text);
  return given({
    range: given({ from: end(options.from), to: end(options.to) }),
    pace: given({ eventsPerSecond: orNull(options.rate), maxConcurrent: orNull(options.concurrency) }),
    schedule:
      schedule === false
        ? null
        : given({
            startAt: orNull(options.start),
            windows: orNull(options.hours),
            timeZone: options.timeZone,
          }),
    label: orNull(options.label),
    labels,
    note: orNull(options.note),
  });
}
