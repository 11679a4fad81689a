import type { ApiClient } from './client.ts';
import { exits, Failure } from './failure.ts';
import type { Replay } from './shapes.ts';
import { mostNamed, uuid } from './names.ts';
import { moment, plain } from './texts.ts';

/** How a command names the replay that it is about. */
export const replayArgument = '<replay>';

/** The bar shows eight; fewer than four would mean several sooner or later. */
const start = /^[\da-f]{4,8}(-[\da-f-]*)?$/i;
/** Of those that could be meant. */
const mostTold = 10;

/** The address of the replay that is meant: see `idOfReplay`. */
export async function pathOfReplay(client: ApiClient, asked: string): Promise<string> {
  return `/api/replays/${await idOfReplay(client, asked)}`;
}

/**
 * The id of the replay that is meant by it, by the id's first characters (four or more), or by its label.
 * @throws Failure when there is none, or when several could be meant; it names them
 */
export async function idOfReplay(client: ApiClient, asked: string): Promise<string> {
  if (uuid.test(asked)) return asked.toLowerCase();
  const labelled = await listed(client, { label: asked }, ({ label }) => label === asked);
  const found = labelled.length > 0 ? labelled : await startingWith(client, asked.toLowerCase());
  const [first, second] = found;
  if (first === undefined) {
    throw new Failure(
      exits.notFound,
      `No replay has this id, begins so or is labelled so: "${plain(asked)}".`,
      ['`reprise replay list` shows those there are.'],
    );
  }
  if (second === undefined) return first.id;
  const lines = found
    .slice(0, mostTold)
    .map(({ id, status, createdAt }) => `${id}  ${status}, created ${moment(createdAt)}`);
  const more = found.length > mostTold ? [`and ${found.length - mostTold} more`] : [];
  throw new Failure(exits.usage, `"${plain(asked)}" means ${found.length} replays. Say which, by its id:`, [
    ...lines,
    ...more,
  ]);
}

async function startingWith(client: ApiClient, asked: string): Promise<Replay[]> {
  return start.test(asked) ? await listed(client, {}, ({ id }) => id.startsWith(asked)) : [];
}

async function listed(
  client: ApiClient,
  query: { readonly label?: string },
  isMeant: (replay: Replay) => boolean,
): Promise<Replay[]> {
  const found: Replay[] = [];
  for await (const one of client.list<Replay>('/api/replays', query, mostNamed)) {
    if (isMeant(one)) found.push(one);
  }
  return found;
}
