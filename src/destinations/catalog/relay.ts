import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A child that has asked for a connection comes for it at once. */
const acceptMs = 10_000;

let folder: string | undefined;

/** Where this process' relays are: a folder that only its own user may enter, gone with the process. */
function relayFolder(): string {
  if (folder !== undefined) return folder;
  const made = mkdtempSync(join(tmpdir(), 'reprise-')); // its mode is 0700
  process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  return (folder = made);
}

/** A place that one connection can be made to, by who knows its name, which nobody can guess. */
export interface Relay {
  readonly path: string;
  /** Resolves with the connection; null: nobody came in time, or it was closed. */
  readonly taken: Promise<net.Socket | null>;
  close(): void;
}

/** Opens a relay. @throws what keeps a socket from being made in the folder for temporary files */
export async function openRelay(): Promise<Relay> {
  const path = join(relayFolder(), randomBytes(12).toString('base64url'));
  const server = net.createServer({ allowHalfOpen: true });
  await once(server.listen(path), 'listening');
  server.unref();
  const taken = new Promise<net.Socket | null>((resolve) => {
    const timer = setTimeout(() => server.close(), acceptMs).unref();
    server.once('connection', (socket) => {
      server.close(); // its name is gone with it; the connection stays
      resolve(socket);
    });
    server.once('close', () => {
      clearTimeout(timer);
      resolve(null);
    });
  });
  return { path, taken, close: () => void server.close() };
}
