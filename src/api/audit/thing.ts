import { z } from 'zod';
import type { AnyRouteShape, Route } from '../route.ts';

/** What a route changes. */
export interface Changed {
  /** Where it stands, or the list that it comes to or goes from. */
  readonly path: string;
  /** What tells how it was before; null: there is nothing before. */
  readonly reader: Route | null;
}

/** The routes that read, by their paths. */
export function readersOf(routes: readonly Route[]): ReadonlyMap<string, Route> {
  return new Map(routes.filter(({ shape }) => shape.method === 'get').map((one) => [one.shape.path, one]));
}

/**
 * The thing that a route changes: what is read at its own address, or at the next one above it, as `/api/replays/{id}`
 * for `/api/replays/{id}/pause`. Where that is a list, a thing is made or several are meant, and nothing was before.
 */
export function changedBy(
  { path, makesAnother }: Pick<AnyRouteShape, 'path' | 'makesAnother'>,
  readers: ReadonlyMap<string, Route>,
): Changed {
  const parts = path.split('/');
  const above = parts.map((_, at) => parts.slice(0, parts.length - at).join('/'));
  const found = above.find((one) => readers.has(one));
  if (found === undefined) return { path, reader: null };
  const reader = readers.get(found)!;
  return { path: found, reader: makesAnother === true || !readsOne(reader.shape) ? null : reader };
}

/** Of an answer, what is a member of the thing that was changed: a test, say, answers how it went. */
export function membersOfThing(reader: Route | null, answer: unknown): unknown {
  const schema = reader?.shape.answers[200]?.schema;
  if (!(schema instanceof z.ZodObject) || typeof answer !== 'object' || answer === null) return undefined;
  return Object.fromEntries(Object.entries(answer).filter(([name]) => Object.hasOwn(schema.shape, name)));
}

/** Lists have what they list in `data`. */
function readsOne({ answers }: AnyRouteShape): boolean {
  const schema = answers[200]?.schema;
  return schema instanceof z.ZodObject && !('data' in schema.shape);
}
