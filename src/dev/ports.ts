import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tryLock } from '../../scripts/file-lock.mjs';

/**
 * Ports from 1024 up that browsers refuse to open. Source: WHATWG Fetch, "port blocking".
 */
const blockedByBrowsers = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697,
  10080,
]);

/** How many ports above the usual one are tried before the system chooses one. */
const triedAbove = 50;

/**
 * The first free port from `preferred` upwards, or any free one without it. No other start of this user is given the same
 * port while this process lives. Another program may still take it before it is bound: whoever binds it must be ready to
 * ask again.
 */
export async function freePort(
  preferred?: number,
  isFree: (port: number) => Promise<boolean> = isClaimable,
): Promise<number> {
  if (preferred !== undefined && preferred !== 0) {
    const last = Math.min(preferred + triedAbove, 65_535);
    for (let port = preferred; port <= last; port += 1) {
      if (!blockedByBrowsers.has(port) && (await isFree(port))) return port;
    }
  }
  return (await tryBind(0, '127.0.0.1')) ?? fail('the system has no free port on 127.0.0.1');
}

/** Ports that this process has been given, each with what lets go of it. */
const claimed = new Map<number, () => void>();

function releaseAll(): void {
  for (const release of claimed.values()) release();
}

/**
 * Two starts at once would both find the same port free, and one of them could take the other's server for its own. So
 * each claims the ports that it is given, by locks that end with it.
 */
async function isClaimable(port: number): Promise<boolean> {
  if (!(await isPortFree(port))) return false;
  if (claimed.has(port)) return true;
  const folder = join(tmpdir(), `reprise-ports-${process.getuid?.() ?? 'user'}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = tryLock(join(folder, String(port)));
  if (lock.holder !== undefined) return false;
  if (claimed.size === 0) process.once('exit', releaseAll);
  claimed.set(port, lock.release);
  return true;
}

/** Whether nothing listens on a port of this machine's loopback, neither by IPv4 nor by IPv6. */
export async function isPortFree(port: number): Promise<boolean> {
  // `localhost` may mean either, and a person who opens it in a browser must not see another program.
  return (await tryBind(port, '127.0.0.1')) !== null && (await tryBind(port, '::1')) !== null;
}

/** The port bound (and let go again), null when it is taken. A machine without IPv6 has no one there to collide with. */
async function tryBind(port: number, host: string): Promise<number | null> {
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  const probe = createServer();
  probe.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(null);
    else if (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT') resolve(port);
    else reject(error);
  });
  probe.listen({ port, host, exclusive: true }, () => {
    const address = probe.address();
    const bound = typeof address === 'object' && address !== null ? address.port : port;
    probe.close(() => resolve(bound));
  });
  return promise;
}

function fail(message: string): never {
  throw new Error(message);
}
