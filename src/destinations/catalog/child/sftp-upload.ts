import { require } from './seal.ts';

type Done<Value> = (error: Error | undefined, value: Value) => void;

/** What the client of SSH opens for files. @see https://github.com/mscdex/ssh2/blob/master/SFTP.md */
interface Files {
  open(path: string, flags: string, done: Done<Buffer>): void;
  write(
    handle: Buffer,
    contents: Buffer,
    from: number,
    length: number,
    position: number,
    done: Done<unknown>,
  ): void;
  close(handle: Buffer, done: Done<unknown>): void;
  once(event: 'close', listener: () => void): unknown;
  removeListener(event: 'close', listener: () => void): unknown;
}

interface Wrapper {
  client?: Files;
  put: (this: Wrapper, contents: Buffer, path: string) => Promise<unknown>;
  end: (this: Wrapper) => Promise<unknown>;
}

let isMended = false;

/**
 * Has the definition's uploads end as the server says: its client's stream counts a file as written although the server
 * refused to write (a full disk, a quota), and a fault of the connection that comes when all is done takes the place of
 * how the upload went.
 */
export function mendUploads(): void {
  if (isMended) return;
  isMended = true;
  const { SFTPWrapper } = require('@segment/action-destinations/dist/destinations/sftp/sftp-wrapper') as {
    readonly SFTPWrapper: { readonly prototype: Wrapper };
  };
  const wrapper = SFTPWrapper.prototype;
  const { end } = wrapper;
  wrapper.put = async function put(contents, path) {
    if (this.client === undefined) throw new Error('There is no connection.');
    await written(this.client, contents, path);
  };
  wrapper.end = async function ended() {
    return await end.call(this).catch(() => undefined);
  };
}

/** Resolves once the server has taken and closed the file. */
async function written(files: Files, contents: Buffer, path: string): Promise<void> {
  let lost!: () => void;
  const loss = new Promise<never>((_, reject) => {
    lost = () => reject(new Error('The connection ended before the file was closed.'));
  });
  files.once('close', lost);
  try {
    await Promise.race([writing(files, contents, path), loss]);
  } finally {
    files.removeListener('close', lost);
  }
}

async function writing(files: Files, contents: Buffer, path: string): Promise<void> {
  const handle = await asked<Buffer>('open', (done) => files.open(path, 'w', done));
  await asked('write', (done) => files.write(handle, contents, 0, contents.length, 0, done));
  await asked('close', (done) => files.close(handle, done));
}

/** @throws what the server answers, with its code, by which the definition knows that a folder is not there */
async function asked<Value>(what: string, ask: (done: Done<Value>) => void): Promise<Value> {
  return await new Promise((resolve, reject) => {
    ask((error, value) => {
      if (error) reject(Object.assign(error, { message: `${what}: ${error.message}` }));
      else resolve(value);
    });
  });
}
