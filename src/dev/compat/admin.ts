import { z } from 'zod';

const Source = z.object({ id: z.string(), writeKey: z.string() });
const Page = z.object({
  data: z.array(z.object({ position: z.number(), messageId: z.string() })),
  nextCursor: z.string().nullable(),
});
const Stored = z.object({ raw: z.string() });

/** An event as it was archived. */
export type Archived = Readonly<Record<string, unknown>>;

/** What the runner asks of the server as its admin. */
export interface Admin {
  newSource(): Promise<{ id: string; writeKey: string }>;
  /** Everything that a source has sent, in the order of the archive. */
  archivedOf(sourceId: string): Promise<Archived[]>;
}

/** @param url of the server, without `/api` */
export function openAdmin(url: string, token: string): Admin {
  const ask = async (path: string, init: RequestInit = {}): Promise<unknown> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await fetch(`${url}/api${path}`, { ...init, headers });
    if (!answer.ok) throw new Error(`${url}/api${path} answers ${answer.status}: ${await answer.text()}`);
    return await answer.json();
  };
  const positionsOf = async (sourceId: string): Promise<number[]> => {
    const positions: number[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const next: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = Page.parse(await ask(`/events?source=${sourceId}&limit=100${next}`));
      positions.push(...page.data.map(({ position }) => position));
      cursor = page.nextCursor;
    }
    return positions.toSorted((one, other) => one - other);
  };
  return {
    newSource: async () => {
      const body = JSON.stringify({ name: 'compatibility' });
      return Source.parse(await ask('/sources', { method: 'POST', body }));
    },
    archivedOf: async (sourceId) => {
      const archived: Archived[] = [];
      for (const position of await positionsOf(sourceId)) {
        const { raw } = Stored.parse(await ask(`/events/${position}`));
        archived.push(JSON.parse(raw) as Archived);
      }
      return archived;
    },
  };
}
