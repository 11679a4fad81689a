import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { alsoExpose } from '../metrics/registry.ts';

const loopback = '127.0.0.1';
const patienceMs = 2_000;

/**
 * Where Temporal's SDK, whose core is not JavaScript, tells what it counts: on this machine alone, and from there
 * together with the metrics of the process.
 */
export async function temporalMetrics() {
  const port = await freePort();
  alsoExpose(() => metricsOf(port).catch(() => ''));
  return {
    prometheus: {
      bindAddress: `${loopback}:${port}`,
      countersTotalSuffix: true,
      useSecondsForDurations: true,
      unitSuffix: true,
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, loopback);
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

async function metricsOf(port: number): Promise<string> {
  const request = get({ host: loopback, port, path: '/metrics', timeout: patienceMs, agent: false });
  request.on('timeout', () => request.destroy(new Error('no answer')));
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return await text(response);
}
