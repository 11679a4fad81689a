import { missingSources } from '../db/sources.ts';
import type { Queryable } from '../db/sql.ts';
import type { Problem } from './problem.ts';
import { invalidBody } from './route.ts';

/** A source that a request names, and where. */
export interface SourceNamed {
  readonly id: string;
  readonly pointer: string;
}

const details = {
  deleted: (id: string) => `There is no source ${id}. Leave it out, or use null for all sources.`,
  never: (id: string) => `There is no source ${id}, and never was.`,
};

/** The members of a list of ids, each with its place. @param list the list's own place in the request */
export function namedIn(list: string, ids: readonly string[] = []): SourceNamed[] {
  return ids.map((id, index) => ({ id, pointer: `${list}/${index}` }));
}

/**
 * The refusal of ids that are no sources, or null: a mistyped one would leave out, or let through, what nobody meant.
 * @param also deleted sources count as none; or only what never was one
 */
export async function unknownSources(
  db: Queryable,
  named: readonly SourceNamed[],
  also: 'deleted' | 'never',
): Promise<Problem | null> {
  const ids = named.map(({ id }) => id);
  const missing = new Set(await missingSources(db, ids, also));
  if (missing.size === 0) return null;
  const faults = named.filter(({ id }) => missing.has(id));
  return invalidBody(faults.map(({ id, pointer }) => ({ pointer, detail: details[also](id) })));
}
