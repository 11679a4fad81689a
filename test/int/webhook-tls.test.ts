import { once } from 'node:events';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { expect, it, onTestFinished, vi } from 'vitest';
import { selfSigned } from '../support/self-signed.ts';
import { openSender, sendOne } from '../support/webhook-sender.ts';

/** An HTTPS server on loopback that counts the requests it could read. */
async function startSecure(certificate: { key: string; cert: string }, options: https.ServerOptions = {}) {
  let requests = 0;
  const server = https.createServer({ ...certificate, ...options }, (incoming, response) => {
    requests += 1;
    incoming.resume().on('end', () => response.end());
  });
  server.on('tlsClientError', () => undefined).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `https://127.0.0.1:${port}/`, requests: () => requests };
}

/** Makes this process trust one more certificate, in this test. */
function trust(certificate: string): void {
  const before = tls.getCACertificates('default');
  tls.setDefaultCACertificates([...before, certificate]);
  onTestFinished(() => tls.setDefaultCACertificates(before));
}

const untrusted = { kind: 'down', failure: { errorClass: 'tls' } };

it('delivers over TLS to a certificate that is trusted', async () => {
  const certificate = selfSigned('127.0.0.1');
  trust(certificate.cert);
  const server = await startSecure(certificate);
  expect(await sendOne(openSender(server.url))).toMatchObject({ kind: 'delivered' });
  expect(server.requests()).toBe(1);
});

it('sends nothing to a certificate that nobody vouches for, even when the environment says not to care', async () => {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  onTestFinished(() => void vi.unstubAllEnvs());
  const server = await startSecure(selfSigned('127.0.0.1'));
  expect(await sendOne(openSender(server.url))).toMatchObject(untrusted);
  expect(server.requests()).toBe(0);
});

it("sends nothing to another host's certificate", async () => {
  const certificate = selfSigned('127.0.0.9');
  trust(certificate.cert);
  const server = await startSecure(certificate);
  expect(await sendOne(openSender(server.url))).toMatchObject(untrusted);
  expect(server.requests()).toBe(0);
});

it('sends nothing over TLS 1.0', async () => {
  const certificate = selfSigned('127.0.0.1');
  trust(certificate.cert);
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  const server = await startSecure(certificate, old);
  expect(await sendOne(openSender(server.url))).toMatchObject(untrusted);
  expect(server.requests()).toBe(0);
});
