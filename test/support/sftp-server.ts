import { once } from 'node:events';
import { createRequire } from 'node:module';
import type net from 'node:net';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

// The package of the catalog brings this one, and its client is of it.
const require = createRequire(import.meta.url);
const { Server, utils } = require(
  require.resolve('ssh2', { paths: [require.resolve('@segment/action-destinations')] }),
) as Ssh2;

interface Emitter<Events> {
  on<Name extends keyof Events>(name: Name, listener: Events[Name]): this;
}
interface Authentication {
  readonly method: string;
  readonly username: string;
  readonly password: string;
  readonly key: { readonly data: Buffer };
  readonly signature?: Buffer;
  readonly blob: Buffer;
  readonly hashAlgo?: string;
  accept(): void;
  reject(): void;
}
interface Sftp extends Emitter<{
  OPEN: (id: number, name: string) => void;
  WRITE: (id: number, handle: Buffer, offset: number, data: Buffer) => void;
  CLOSE: (id: number, handle: Buffer) => void;
  FSETSTAT: (id: number) => void;
  OPENDIR: (id: number, path: string) => void;
  READDIR: (id: number, handle: Buffer) => void;
}> {
  handle(id: number, handle: Buffer): void;
  status(id: number, code: number, message?: string): void;
}
type Session = Emitter<{ sftp: (accept: () => Sftp) => void }>;
type Client = Emitter<{
  authentication: (context: Authentication) => void;
  session: (accept: () => Session) => void;
  error: (error: Error) => void;
}>;
interface Key {
  getPublicSSH(): Buffer;
  verify(blob: Buffer, signature: Buffer, algorithm?: string): boolean;
}
interface Ssh2 {
  readonly Server: new (options: object, listener: (client: Client) => void) => net.Server;
  readonly utils: {
    generateKeyPairSync(type: string): { readonly private: string; readonly public: string };
    parseKey(text: string): Key;
  };
}

const fine = 0;
const endOfFile = 1;
const noSuchFile = 2;
const notPermitted = 3;

export interface SftpServer {
  readonly port: number;
  /** What is in it: the contents by path. */
  readonly files: ReadonlyMap<string, string>;
  /** Connections that were made. */
  readonly connections: number;
}

export interface SftpOptions {
  /** May write files; default: it may. */
  readonly mayWrite?: boolean;
  /** The connection is cut at the first of these; `closed`: when a file has been closed and its client was told; `goodbye`: when that client then takes its leave. */
  readonly cutAt?: 'authentication' | 'open' | 'write' | 'close' | 'closed' | 'goodbye';
  /** How it is cut: reset, ended as if all were said, or after bytes that are no SSH; default: reset. */
  readonly cutBy?: 'reset' | 'end' | 'noise';
  /** So many files, from the first on, are cut; default: all. */
  readonly cuts?: number;
  /** What it answers to the first of these that it is asked for, and says with it. */
  readonly fails?: {
    readonly at: 'open' | 'write' | 'close';
    readonly code: number;
    readonly message: string;
  };
  /** Lets everybody in; default: its user. */
  readonly isOpen?: boolean;
  /** Is told of each file that was closed. */
  readonly closed?: (path: string, contents: string) => void;
}

const cut = {
  reset: (socket: net.Socket) => void socket.resetAndDestroy(),
  end: (socket: net.Socket) => void socket.end(),
  noise: (socket: net.Socket) => void socket.end(Buffer.alloc(1_024, 0xff)),
};

/** Who may come in. */
export const sftpUser = { name: 'an-sftp-user', password: 'an-sftp-password' } as const;

/** A new key pair, in the format of OpenSSH. */
export const newSshKey = (): { readonly private: string; readonly public: string } =>
  utils.generateKeyPairSync('ed25519');

/** A server of SFTP on loopback as below; it ends with the test. */
export async function startSftpServer(options?: SftpOptions, publicKey?: string): Promise<SftpServer> {
  const server = await openSftpServer(options, publicKey);
  onTestFinished(() => server.close());
  return server;
}

/** A server of SFTP on loopback that has the folders `/` and `/in`, until it is closed. @param publicKey of its user */
export async function openSftpServer(
  options: SftpOptions = {},
  publicKey?: string,
): Promise<SftpServer & { close(): void }> {
  const files = new Map<string, string>();
  const sockets = new Set<net.Socket>();
  let connections = 0;
  let cuts = 0;
  const cutsAt = (where: string): boolean => {
    if (options.cutAt !== where || cuts >= (options.cuts ?? Infinity)) return false;
    cuts += 1;
    for (const socket of sockets) cut[options.cutBy ?? 'reset'](socket);
    return true;
  };
  const server = new Server({ hostKeys: [newSshKey().private] }, (client) => {
    client.on('error', () => undefined);
    client.on('authentication', (context) => {
      if (cutsAt('authentication')) return;
      if (options.isOpen === true) context.accept();
      else authenticate(context, publicKey);
    });
    client.on('session', (accept) => {
      const beforeNext = (listener: () => void) => {
        for (const socket of sockets) socket.prependOnceListener('data', listener);
      };
      accept().on('sftp', (open) => serveFiles(open(), files, { cutsAt, beforeNext }, options));
    });
  });
  // Its sockets are those of a server of its own inside.
  // oxlint-disable-next-line eslint/no-underscore-dangle -- ssh2 tells of its sockets in no other way
  const inner = (server as unknown as { readonly _srv: net.Server })._srv;
  inner.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(inner, 'listening');
  return {
    port: (inner.address() as AddressInfo).port,
    files,
    get connections() {
      return connections;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function authenticate(context: Authentication, publicKey: string | undefined): void {
  if (context.username !== sftpUser.name) return context.reject();
  if (context.method === 'password')
    return context.password === sftpUser.password ? context.accept() : context.reject();
  if (context.method !== 'publickey' || publicKey === undefined) return context.reject();
  const key = utils.parseKey(publicKey);
  const isKnown = context.key.data.equals(key.getPublicSSH());
  const isSigned =
    context.signature === undefined || key.verify(context.blob, context.signature, context.hashAlgo);
  return isKnown && isSigned ? context.accept() : context.reject();
}

interface Cuts {
  readonly cutsAt: (where: string) => boolean;
  /** Is told when a client says something more, before that is heard. */
  readonly beforeNext: (listener: () => void) => void;
}

function serveFiles(
  sftp: Sftp,
  files: Map<string, string>,
  { cutsAt, beforeNext }: Cuts,
  { mayWrite = true, closed, fails }: SftpOptions,
): void {
  const failsAt = (id: number, where: string): boolean => {
    if (fails?.at !== where) return false;
    sftp.status(id, fails.code, fails.message);
    return true;
  };
  const open: { readonly path: string; contents: Buffer }[] = [];
  const isFolder = (path: string) => path === '/' || path === '/in';
  const handleOf = (index: number) => Buffer.from([index]);
  sftp.on('OPEN', (id, path) => {
    if (cutsAt('open') || failsAt(id, 'open')) return;
    if (!isFolder(path.slice(0, path.lastIndexOf('/')) || '/')) return sftp.status(id, noSuchFile);
    if (!mayWrite) return sftp.status(id, notPermitted);
    sftp.handle(id, handleOf(open.push({ path, contents: Buffer.alloc(0) }) - 1));
  });
  sftp.on('WRITE', (id, handle, offset, data) => {
    if (cutsAt('write') || failsAt(id, 'write')) return;
    const file = open[handle[0]!]!;
    const grown = Buffer.alloc(Math.max(file.contents.length, offset + data.length));
    file.contents.copy(grown);
    data.copy(grown, offset);
    file.contents = grown;
    sftp.status(id, fine);
  });
  sftp.on('CLOSE', (id, handle) => {
    if (cutsAt('close') || failsAt(id, 'close')) return;
    const file = open[handle[0]!];
    if (file !== undefined) {
      files.set(file.path, file.contents.toString());
      closed?.(file.path, file.contents.toString());
    }
    sftp.status(id, fine);
    setImmediate(() => cutsAt('closed'));
    beforeNext(() => cutsAt('goodbye'));
  });
  sftp.on('FSETSTAT', (id) => sftp.status(id, fine));
  sftp.on('OPENDIR', (id, path) =>
    isFolder(path) ? sftp.handle(id, handleOf(255)) : sftp.status(id, noSuchFile),
  );
  sftp.on('READDIR', (id) => sftp.status(id, endOfFile));
}
