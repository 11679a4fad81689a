import { once } from 'node:events';
import { createServer } from 'node:https';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll } from 'vitest';
import { handOn } from '../../../src/dev/compat/forwarder.ts';
import { testFolder } from '../folder.ts';
import { selfSigned } from '../self-signed.ts';

/** TLS in front of a server, as the Track API's clients need it. */
export interface SecureFront {
  /** `address:port` */
  readonly host: string;
  /** The file of the certificate that clients are to trust. */
  readonly trust: string;
  /** How many answers had each status. */
  readonly answers: ReadonlyMap<number, number>;
}

/** Hands every request on to `target`. @param days how long its certificate is still valid */
export async function secureFront(target: string, days = 1): Promise<SecureFront> {
  const certificate = selfSigned('127.0.0.1', days);
  const trust = join(testFolder(), 'front.pem');
  writeFileSync(trust, certificate.cert);
  const answers = new Map<number, number>();
  const server = createServer(certificate, (incoming, outgoing) => {
    void (async () => {
      const { status, headers, body } = await handOn(target, incoming, await buffer(incoming));
      answers.set(status, (answers.get(status) ?? 0) + 1);
      outgoing.writeHead(status, headers).end(body);
    })().catch(() => incoming.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, trust, answers };
}
