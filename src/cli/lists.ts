import { Option, type Command } from 'commander';
import { whole } from './arguments.ts';
import type { Query } from './client.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';

/** What a list command shows. */
export interface ListShown<T> {
  readonly path: string;
  readonly query: Query;
  readonly limit: number;
  readonly headings: readonly string[];
  readonly row: (one: T) => readonly string[];
  /** What is said when there is nothing to show. */
  readonly none: string;
}

/** Adds how much a list shows. */
export function limited(command: Command): Command {
  return command.addOption(new Option('--limit <n>', 'no more than that').argParser(whole).default(50));
}

/** Shows a list of the API, page after page up to a limit: as a table, or as an array with --json. */
export async function showList<T>(session: Session, shown: ListShown<T>): Promise<void> {
  const { out } = session;
  const rows: T[] = [];
  for await (const one of session.api.list<T>(shown.path, shown.query, shown.limit)) rows.push(one);
  if (out.json) return out.document(rows);
  if (rows.length === 0) return out.say(shown.none);
  out.data(table(shown.headings, rows.map(shown.row), out.width));
  if (rows.length === shown.limit) out.say(`Only the first ${shown.limit} are shown; --limit shows more.`);
}
