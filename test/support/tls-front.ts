import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { selfSigned } from './self-signed.ts';

/** A TLS server before one that speaks HTTP/2 in clear. */
export interface TlsFront {
  readonly port: number;
  /** How many connections it let in. */
  readonly connections: () => number;
  readonly close: () => void;
}

/**
 * Starts one with a certificate of its own, which is written to `server.pem`.
 * @param port of the server behind it
 * @param folder where the files are; with `asksForCertificate` also `client.pem` and `client.key`, which alone are let in
 */
export async function startTlsFront(
  port: number,
  folder: string,
  { asksForCertificate }: { readonly asksForCertificate: boolean },
): Promise<TlsFront> {
  const [server, client] = [selfSigned('127.0.0.1'), selfSigned('127.0.0.1')];
  const asks = { ca: [client.cert], requestCert: true };
  writeFileSync(join(folder, 'server.pem'), server.cert);
  if (asksForCertificate) {
    writeFileSync(join(folder, 'client.pem'), client.cert);
    writeFileSync(join(folder, 'client.key'), client.key);
  }
  let connections = 0;
  const options = { ...server, ...(asksForCertificate && asks), ALPNProtocols: ['h2'] };
  const front = createServer(options, (socket) => {
    connections++;
    const behind = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [socket, behind],
      [behind, socket],
    ] as const)
      one.on('error', () => other.destroy()).pipe(other);
  }).listen(0, '127.0.0.1');
  await once(front, 'listening');
  return {
    port: (front.address() as AddressInfo).port,
    connections: () => connections,
    close: () => void front.close(),
  };
}
