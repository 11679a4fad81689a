import { InvalidArgumentError, Option, type Command } from 'commander';
import { rate, setting, texts, whole } from '../arguments.ts';
import type { ApiClient } from '../client.ts';
import { named } from '../names.ts';
import type { Source } from '../shapes.ts';

/** Takes something away where there may be none. */
export type OrNone<T> = T | 'none';

/** What a destination is told when it is connected, and later. */
export interface SettingOptions {
  readonly url?: string;
  readonly set?: Readonly<Record<string, unknown>>;
  readonly sources?: readonly string[];
  readonly rate?: OrNone<number>;
  readonly requestRate?: OrNone<number>;
  readonly concurrency?: OrNone<number>;
}

/** Reads `none` as itself, all else as it is read anyway. @throws InvalidArgumentError that names both */
export const orNone =
  <T>(parse: (text: string) => T) =>
  (text: string): OrNone<T> => {
    if (text === 'none') return 'none';
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      throw new InvalidArgumentError(`${error.message.replace(/\.$/, '')}, or none.`);
    }
  };

/** What stands for `none` in a body. */
export const orNull = <T>(value: OrNone<T> | undefined): T | null | undefined =>
  value === 'none' ? null : value;

/** Adds the options for settings, sources and budget. @param may `none` may take a limit away */
export function withSettings(command: Command, may: boolean): Command {
  const none = may ? '; none: no limit' : '';
  const read = <T>(parse: (text: string) => T) => (may ? orNone(parse) : parse);
  return command
    .option('--url <url>', 'its setting url')
    .addOption(
      new Option('--set <name=value>', 'another of its settings; may be repeated').argParser(setting),
    )
    .addOption(
      new Option(
        '--sources <source>',
        `only events of this source (name or id); may be repeated${may ? '; all: of all' : ''}`,
      ).argParser(texts),
    )
    .addOption(
      new Option('--rate <rate>', `the most that its account can bear: 100/s${none}`).argParser(read(rate)),
    )
    .addOption(
      new Option('--request-rate <rate>', `the most requests that it can bear: 10/s${none}`).argParser(
        read(rate),
      ),
    )
    .addOption(new Option('--concurrency <n>', `no more requests at once${none}`).argParser(read(whole)));
}

/** The ids of the sources that were named; null: all. */
export async function sourcesOf(
  client: ApiClient,
  asked: readonly string[] | undefined,
): Promise<string[] | null | undefined> {
  if (asked === undefined) return undefined;
  if (asked.length === 1 && asked[0] === 'all') return null;
  return await Promise.all(asked.map(async (one) => (await named<Source>(client, 'source', one)).id));
}
