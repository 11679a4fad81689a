import { before, moment, rate, texts, whole, window, words } from './arguments.ts';
import { Option, type Command } from 'commander';
import { eventTypes } from '../core/event.ts';
import { replayOrders } from '../core/replay-request.ts';
import type { ApiClient } from './client.ts';
import { exits, Failure } from './failure.ts';
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
    .addOption(new Option('--types <type,…>', `kinds of call: ${eventTypes.join(', ')}`).argParser(words))
    .addOption(new Option('--names <name>', 'name of an event, exactly; may be repeated').argParser(texts))
    .addOption(new Option('--users <id>', 'userId or anonymousId; may be repeated').argParser(texts))
    .addOption(new Option('--sources <source>', 'name or id of a source; may be repeated').argParser(texts))
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
  const { types, names, users, label, labels, note, order, only } = options;
  const sources = await sourceIds(client, options.sources);
  const filter = given({ types, names, users, sources });
  const { rate: eventsPerSecond, concurrency: maxConcurrent, lanes } = options;
  const pace = given({ eventsPerSecond, maxConcurrent, lanes });
  return {
    destinationId,
    mode: only,
    ...given({
      range: rangeOf(options),
      filter,
      pace,
      canary: canaryOf(options),
      schedule: scheduleOf(options),
      order,
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

function scheduleOf({ start: startAt, hours: windows, timeZone }: ReplayOptions) {
  if (timeZone !== undefined && windows === undefined)
    throw new Failure(exits.usage, '--time-zone needs --hours, which it is for.');
  return given({ startAt, windows, timeZone });
}

/** What has a value; undefined when nothing has. */
function given(fields: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
  const there = Object.entries(fields).filter(([, value]) => value !== undefined);
  return there.length === 0 ? undefined : Object.fromEntries(there);
}
