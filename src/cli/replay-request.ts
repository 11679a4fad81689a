import { before, moment, rate, texts, whole, window, words } from './arguments.ts';
import { Option, type Command } from 'commander';
import { eventTypes } from '../core/event.ts';
import { profileRules, replayOrders } from '../core/replay-request.ts';
import type { ApiClient } from './client.ts';
import { exits, Failure } from './failure.ts';
import { given } from './given.ts';
import { named } from './names.ts';
import type { Source } from './shapes.ts';

/** What `replay create` is told. */
export interface ReplayOptions {
  readonly last?: string;
  readonly from?: string;
  readonly to?: string;
  readonly by?: string;
  readonly only: string;
  readonly types?: readonly string[];
  readonly names?: readonly string[];
  readonly users?: readonly string[];
  readonly sources?: readonly string[];
  readonly excludeTypes?: readonly string[];
  readonly excludeNames?: readonly string[];
  readonly excludeUsers?: readonly string[];
  readonly excludeSources?: readonly string[];
  readonly newIds?: boolean;
  readonly ignoreIntegrations?: boolean;
  readonly allowSideEffects?: readonly string[];
  readonly actions?: readonly string[];
  readonly marker?: boolean;
  readonly profiles?: (typeof profileRules)[number];
  readonly fql?: string;
  readonly excludeFql?: string;
  readonly rate?: number;
  readonly concurrency?: number;
  readonly lanes?: number;
  readonly canary?: number;
  readonly canaryThen?: string;
  readonly order?: string;
  readonly label?: string;
  readonly labels?: readonly string[];
  readonly note?: string;
  readonly start?: string;
  readonly hours?: readonly { readonly from: string; readonly to: string }[];
  readonly timeZone?: string;
}

/** Adds the options that say what a replay takes, and how. */
export function replayOptions(command: Command): Command {
  return howOptions(whichOptions(command));
}

function whichOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--last <time>', 'only what came in lately: 90m, 12h, 30d, 4w')
        .argParser(before)
        .conflicts(['from']),
    )
    .option('--from <moment>', 'first moment (2026-10-14T02:00:00Z, 30d) or position that is taken')
    .option('--to <moment>', 'the moment before which it ends, or the last position')
    .addOption(
      new Option('--by <measure>', 'what the range is measured by').choices([
        'received',
        'event',
        'position',
      ]),
    )
    .addOption(
      new Option(
        '--only <what>',
        'missing: what the destination lacks; failed: what was given up on; all: also what it has',
      )
        .choices(['missing', 'failed', 'all'])
        .default('missing'),
    )
    .addOption(
      new Option('--actions <action>', 'only these actions of the destination; may be repeated').argParser(
        texts,
      ),
    )
    .addOption(new Option('--types <type,…>', `kinds of call: ${eventTypes.join(', ')}`).argParser(words))
    .addOption(new Option('--names <name>', 'name of an event, exactly; may be repeated').argParser(texts))
    .addOption(new Option('--users <id>', 'userId or anonymousId; may be repeated').argParser(texts))
    .addOption(new Option('--sources <source>', 'name or id of a source; may be repeated').argParser(texts))
    .addOption(new Option('--exclude-types <type,…>', 'not these kinds of call').argParser(words))
    .addOption(
      new Option('--exclude-names <name>', 'not events of this name; may be repeated').argParser(texts),
    )
    .addOption(
      new Option('--exclude-users <id>', 'not events of this user; may be repeated').argParser(texts),
    )
    .addOption(
      new Option('--exclude-sources <source>', 'not events of this source; may be repeated').argParser(texts),
    )
    .option('--fql <filter>', 'only events for which this FQL holds: properties.total >= 100')
    .option('--exclude-fql <filter>', 'not the events for which this FQL holds');
}

/** What a replay or a retry may use although nobody can take it back. */
export function allowOption(): Option {
  return new Option(
    '--allow-side-effects <action>',
    'an action that may reach people or take something away; may be repeated',
  ).argParser(texts);
}

function howOptions(command: Command): Command {
  return command
    .option('--new-ids', 'with ids of their own, so that a destination takes again what it knows')
    .option('--no-new-ids', 'with the ids of before, also with --only all')
    .option('--ignore-integrations', 'also events that say they are not for this destination')
    .addOption(allowOption())
    .option('--marker', 'what is sent says which replay sends it: context.replay, x-reprise-replay')
    .addOption(new Option('--rate <rate>', 'no more than that: 200/s, 1000/min').argParser(rate))
    .addOption(new Option('--concurrency <n>', 'no more requests at once').argParser(whole))
    .addOption(new Option('--lanes <n>', 'parts that workers take side by side').argParser(whole))
    .addOption(
      new Option('--canary <n>', 'so many events first, then wait for `replay resume`').argParser(whole),
    )
    .addOption(
      new Option('--canary-then <what>', 'continue: go on by itself if they went well').choices([
        'approve',
        'continue',
      ]),
    )
    .addOption(new Option('--order <order>', 'whose order is kept').choices([...replayOrders]))
    .addOption(
      new Option(
        '--profiles <which>',
        'latest: of a user’s identify calls one, which overwrites nothing newer',
      ).choices([...profileRules]),
    )
    .option('--label <name>', 'a name for people')
    .addOption(new Option('--labels <word,…>', 'words to find replays by').argParser(words))
    .option('--note <text>', 'a text for people')
    .addOption(new Option('--start <moment>', 'begin later: 2026-10-14T20:00:00Z, 8h').argParser(moment))
    .addOption(
      new Option('--hours <from-to>', 'send in these hours of the day only; may be repeated').argParser(
        window,
      ),
    )
    .option('--time-zone <zone>', 'whose hours they are, such as Europe/Berlin; UTC unless said');
}

/** The body of POST /api/replays. @throws Failure for a source that there is not */
export async function replayBody(client: ApiClient, destinationId: string, options: ReplayOptions) {
  const { types, names, users, label, labels, note, order, only, newIds, marker } = options;
  const { fql, excludeFql } = options;
  const filter = given({ types, names, users, sources: await sourceIds(client, options.sources), fql });
  const exclude = given({
    types: options.excludeTypes,
    names: options.excludeNames,
    users: options.excludeUsers,
    sources: await sourceIds(client, options.excludeSources),
    fql: excludeFql,
  });
  const { rate: eventsPerSecond, concurrency: maxConcurrent, lanes } = options;
  const pace = given({ eventsPerSecond, maxConcurrent, lanes });
  return {
    destinationId,
    mode: only,
    ...given({
      range: rangeOf(options),
      filter,
      exclude,
      newIds,
      actions: options.actions,
      allowSideEffects: options.allowSideEffects,
      marker,
      integrations: options.ignoreIntegrations === true ? 'ignore' : undefined,
      pace,
      canary: canaryOf(options),
      schedule: scheduleOf(options),
      order,
      profiles: options.profiles,
      label,
      labels,
      note,
    }),
  };
}

async function sourceIds(
  client: ApiClient,
  asked: readonly string[] | undefined,
): Promise<string[] | undefined> {
  if (asked === undefined) return undefined;
  return await Promise.all(asked.map(async (one) => (await named<Source>(client, 'source', one)).id));
}

function rangeOf({ last, from, to, by }: ReplayOptions) {
  const end = (text: string | undefined) =>
    by === 'position' && text !== undefined && /^\d+$/.test(text) ? Number(text) : text;
  return given({ from: end(last ?? from), to: end(to), by });
}

function canaryOf({ canary, canaryThen }: ReplayOptions) {
  if (canary !== undefined) return { events: canary, ...(canaryThen !== undefined && { then: canaryThen }) };
  if (canaryThen === undefined) return undefined;
  throw new Failure(exits.usage, '--canary-then needs --canary, which says how many events go first.');
}

/** The member `schedule` of a body; undefined when nothing of it was said. */
function scheduleOf({
  start: startAt,
  hours: windows,
  timeZone,
}: Pick<ReplayOptions, 'start' | 'hours' | 'timeZone'>) {
  if (timeZone !== undefined && windows === undefined)
    throw new Failure(exits.usage, '--time-zone needs --hours, which it is for.');
  return given({ startAt, windows, timeZone });
}
