import { nearestName } from '../core/nearest-name.ts';
import type { ApiClient } from './client.ts';
import { exits, Failure } from './failure.ts';
import { plain } from './texts.ts';

/** What people call by a name. */
interface Named {
  readonly id: string;
  readonly name: string;
}

export const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
/** No installation has more of them; else ids have to do. */
export const mostNamed = 10_000;

/**
 * The one that is meant by an id, by its name, or by its name as people type it: `demo-crm` is "Demo CRM".
 * @param what as the API's lists are called
 * @throws Failure when there is none, or when several could be meant; it names them
 */
export async function named<T extends Named>(
  client: ApiClient,
  what: 'destination' | 'source' | 'notification',
  asked: string,
): Promise<T> {
  if (uuid.test(asked)) return await client.json<T>(`/api/${what}s/${asked.toLowerCase()}`);
  const all: T[] = [];
  for await (const one of client.list<T>(`/api/${what}s`, {}, mostNamed)) all.push(one);
  return chosen(all, what, asked);
}

/** Exact names come before those that are merely typed alike. */
export function chosen<T extends Named>(all: readonly T[], what: string, asked: string): T {
  const exact = all.filter(({ name }) => name === asked);
  const alike = all.filter(({ name }) => typed(name) === typed(asked));
  const found = exact.length > 0 ? exact : alike;
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  if (first === undefined) throw nobody(all, what, asked);
  const ids = found.map(({ id, name }) => `${id}  ${plain(name)}`);
  throw new Failure(
    exits.usage,
    `${found.length} ${what}s are called "${plain(asked)}". Say which, by its id:`,
    ids,
  );
}

function nobody(all: readonly Named[], what: string, asked: string): Failure {
  const names = all.map(({ name }) => name);
  const near = nearestName(asked, names) ?? names.find((name) => typed(name).includes(typed(asked)));
  const hint =
    all.length === 0
      ? `There is no ${what} yet: \`reprise ${what} create\` makes one.`
      : near === undefined
        ? `\`reprise ${what} list\` shows those there are.`
        : `Did you mean "${plain(near)}"?`;
  return new Failure(exits.notFound, `There is no ${what} called "${plain(asked)}".`, [hint]);
}

const typed = (name: string) =>
  name
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, '-')
    .replaceAll(/^-|-$/g, '');
