import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** How a link behaves; an empty one passes everything on at once. */
export interface LinkMode {
  /** How much later each piece arrives, in both directions; milliseconds. */
  readonly latencyMs?: number;
  /** By how much that varies at most, up or down. */
  readonly jitterMs?: number;
  /** Nothing listens: new connections are refused. Those that are open stay. */
  readonly refuse?: boolean;
  /** Connections stay open and are accepted, and nothing passes. */
  readonly silent?: boolean;
}

/** A link between two programs that can be disturbed. */
export interface Proxy {
  readonly port: number;
  /** Replaces how it behaves. Resolves once it does so. */
  become(mode: LinkMode): Promise<void>;
  /** Resets every open connection, at both ends. @returns how many there were */
  resetAll(): number;
  /** Cuts the link: open connections are reset, new ones refused, until it becomes something else. */
  cut(): Promise<void>;
  /**
   * Waits for a request that holds these bytes, lets it through, and once the server has answered it resets the
   * connection instead of passing the answer on: the work was done, and nobody was told. Resolves when that has happened
   * `times` times.
   */
  loseAnswers(request: string, times: number): Promise<void>;
  close(): Promise<void>;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** The next answer is lost. */
  doomed: boolean;
}

interface Loss {
  readonly request: Buffer;
  left: number;
  readonly done: () => void;
}

/** Opens a proxy on a port of its own. @param upstream the port behind it on loopback, asked for each connection */
export async function openProxy(upstream: () => number): Promise<Proxy> {
  const links = new Set<Link>();
  let mode: LinkMode = {};
  let loss: Loss | null = null;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => accept(client));
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);

  function accept(client: Socket): void {
    const behind = connect({ port: upstream(), host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const link = { client, server: behind, doomed: false };
    links.add(link);
    const reset = () => {
      links.delete(link);
      client.resetAndDestroy();
      behind.resetAndDestroy();
    };
    for (const socket of [client, behind]) socket.on('error', reset);
    pass(client, behind, (piece) => {
      if (loss !== null && loss.left > 0 && piece.includes(loss.request)) {
        loss.left -= 1;
        link.doomed = true;
      }
      return true;
    });
    pass(behind, client, () => {
      if (!link.doomed) return true;
      reset();
      if (loss?.left === 0) loss.done();
      return false;
    });
    const ended = () => {
      if (client.destroyed && behind.destroyed) links.delete(link);
    };
    client.on('close', ended);
    behind.on('close', ended);
  }

  /** Passes pieces on in their order, each as late as the link is slow at the time. */
  function pass(from: Socket, to: Socket, see: (piece: Buffer) => boolean): void {
    let last = Promise.resolve();
    let dueAt = 0;
    let waiting = 0;
    const later = (act: () => void) => {
      const { latencyMs = 0, jitterMs = 0 } = mode;
      dueAt = Math.max(dueAt, performance.now() + latencyMs + jitterMs * (2 * Math.random() - 1));
      const at = dueAt;
      if (latencyMs === 0 && waiting === 0 && mode.silent !== true) return act();
      waiting += 1;
      last = inTurn(last, at, act);
    };
    const inTurn = async (before: Promise<void>, at: number, act: () => void) => {
      await before;
      const wait = at - performance.now();
      if (wait > 0) await delay(wait);
      while (mode.silent === true && !to.destroyed) await delay(20);
      waiting -= 1;
      act();
    };
    from.on('data', (piece: Buffer) => {
      if (!see(piece)) return;
      later(() => {
        if (to.destroyed || to.write(piece)) return;
        from.pause();
        to.once('drain', () => from.resume());
      });
    });
    from.on('end', () => later(() => to.end()));
    from.on('close', () => later(() => to.destroyed || to.destroySoon()));
  }

  const resetAll = () => {
    const open = [...links];
    links.clear();
    for (const link of open) {
      link.client.resetAndDestroy();
      link.server.resetAndDestroy();
    }
    return open.length;
  };
  const become = async (next: LinkMode) => {
    mode = next;
    if (next.refuse === true && server.listening) server.close();
    if (next.refuse !== true && !server.listening) await listen(port);
  };
  return {
    port,
    become,
    resetAll,
    cut: async () => {
      await become({ refuse: true });
      resetAll();
    },
    loseAnswers: (request, times) =>
      new Promise((done) => {
        loss = { request: Buffer.from(request), left: times, done };
      }),
    close: async () => {
      if (server.listening) server.close();
      resetAll();
    },
  };
}
