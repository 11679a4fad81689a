import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Suffering } from './destinations.ts';
import type { Kept, Sending } from './sending.ts';

/** Two healthy destinations that are sent to all the time: one of our own, one whose code runs in the shared children. */
export interface Neighbours {
  /** Ends it. @returns for each what was sent, and how many of its users arrived */
  stop(): Promise<{ readonly type: string; readonly kept: Kept; readonly arrived: number }[]>;
}

/** Events of each that are under way at once. */
const atOnce = 2;

export async function startNeighbours(sending: Sending): Promise<Neighbours> {
  const arrived = new Map<string, Set<string>>();
  const server = http.createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const user = /well-\d+/.exec(Buffer.concat(chunks).toString())?.[0];
      const path = incoming.url ?? '';
      if (user !== undefined) arrived.set(path, (arrived.get(path) ?? new Set()).add(user));
      // A destination that takes its time, as most do.
      setTimeout(() => response.end('{}'), 50);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const all = healthyDestinations(`http://127.0.0.1:${port}`);
  for (const destination of all) {
    await sending.open(`well ${destination.type}`, destination);
    await sending.keepSending(`well ${destination.type}`, atOnce);
  }
  return {
    stop: async () => {
      const results = await Promise.all(
        all.map(async ({ type }) => {
          const kept = await sending.halt(`well ${type}`);
          await sending.close(`well ${type}`);
          return { type, kept, arrived: arrived.get(`/${type}`)?.size ?? 0 };
        }),
      );
      server.closeAllConnections();
      await once(server.close(), 'close');
      return results;
    },
  };
}

/** A destination of our own and one of the catalog, that send to a path of their own. */
export function healthyDestinations(origin: string): Suffering[] {
  const host = new URL(origin).host;
  const secret = `whsec_${Buffer.from('a secret of a healthy one').toString('base64')}`;
  return [
    {
      type: 'webhook',
      host,
      settings: { url: `${origin}/webhook`, secret },
      action: null,
      mapping: {},
    },
    {
      type: 'actions-webhook',
      host,
      settings: {},
      action: 'send',
      mapping: {
        url: `${origin}/actions-webhook`,
        method: 'POST',
        data: { '@path': '$.' },
        enable_batching: false,
      },
    },
  ];
}
