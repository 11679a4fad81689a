import { InvalidArgumentError, Option, type Command } from 'commander';
import { eventTypes, origins } from '../core/event.ts';
import { texts, words } from './arguments.ts';
import type { Query } from './client.ts';
import { named } from './names.ts';
import type { Session } from './session.ts';
import type { Source } from './shapes.ts';

/** What the options below give. */
export interface EventFilterOptions {
  readonly type?: readonly string[];
  readonly name?: readonly string[];
  readonly user?: readonly string[];
  readonly source?: readonly string[];
  readonly origin?: readonly string[];
  readonly message?: string;
  readonly messagePrefix?: string;
  readonly from?: string;
  readonly to?: string;
  readonly by?: string;
}

/** Adds the options that say which events are meant. */
export function eventFilterOptions(command: Command): Command {
  return command
    .addOption(new Option('--type <type,…>', `kinds of call: ${eventTypes.join(', ')}`).argParser(words))
    .addOption(new Option('--name <name>', 'only of this name, exactly; may be repeated').argParser(texts))
    .addOption(
      new Option('--user <id>', 'only of this userId or anonymousId; may be repeated').argParser(texts),
    )
    .addOption(
      new Option('--source <source>', 'only of this source (name or id); may be repeated').argParser(texts),
    )
    .addOption(new Option('--origin <origin,…>', `how it came in: ${origins.join(', ')}`).argParser(words))
    .option('--message <id>', 'only of this messageId')
    .option('--message-prefix <text>', 'only those whose messageId begins so')
    .addOption(
      new Option(
        '--from <moment>',
        'first moment that is taken: 2026-10-14T02:00:00Z, or so long ago: 12h, 30d',
      ).argParser(ago),
    )
    .addOption(new Option('--to <moment>', 'the moment before which it ends').argParser(ago))
    .addOption(
      new Option('--by <time>', 'what these moments are compared with').choices(['received', 'event']),
    );
}

/** The query that these options ask the API for. */
export async function eventQuery({ api }: Session, options: EventFilterOptions): Promise<Query> {
  const { type, name, user, origin, message, messagePrefix, from, to, by } = options;
  const sources = options.source?.map((source) => named<Source>(api, 'source', source));
  const source = sources === undefined ? undefined : (await Promise.all(sources)).map(({ id }) => id);
  return {
    type,
    name,
    user,
    source,
    origin,
    messageId: message,
    messageIdPrefix: messagePrefix,
    from,
    to,
    by,
  };
}

const unitMs: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** A moment: RFC 3339, or so long ago (`90d`). @throws InvalidArgumentError for anything else */
function ago(text: string): string {
  const [, amount, unit = ''] = /^(\d{1,5})([mhdw])$/.exec(text) ?? [];
  if (amount !== undefined) return new Date(Date.now() - Number(amount) * unitMs[unit]!).toISOString();
  const time = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time))
    throw new InvalidArgumentError('Write a moment such as 2026-10-14T02:00:00Z, or so long ago: 12h, 30d.');
  return new Date(time).toISOString();
}
