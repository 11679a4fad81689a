import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../../src/dev/ports.ts';
import { testFolder } from '../support/folder.ts';
import { startProcess } from '../support/processes.ts';

const folder = testFolder();
const module = JSON.stringify(new URL('../../src/dev/ports.ts', import.meta.url).href);

const entry = join(folder, 'asker.ts');
writeFileSync(
  entry,
  `import { freePort } from ${module};
   process.send({ ready: true, port: await freePort(Number(process.env.PREFERRED)) });
   process.on('message', () => undefined);`,
);

/** A process that asks for a port from `preferred` on, and lives on without binding it. */
function asker(preferred: number) {
  return startProcess(new URL(`file://${entry}`), { PREFERRED: String(preferred) });
}

test('a port that something listens on is not free, by IPv4 or IPv6', async () => {
  const four = createServer().listen(0, '127.0.0.1');
  await once(four, 'listening');
  const { port } = four.address() as AddressInfo;
  expect(await freePort(port)).toBeGreaterThan(port);
  four.close();
  await once(four, 'close');
  const six = createServer().listen(port, '::1');
  const [outcome] = await Promise.race([once(six, 'listening').then(() => ['listens']), once(six, 'error')]);
  if (outcome === 'listens') expect(await freePort(port)).toBeGreaterThan(port);
  six.close();
});

test('several starts at once are given different ports, and a killed one keeps none', async () => {
  const preferred = await freePort();
  const askers = [asker(preferred), asker(preferred), asker(preferred)];
  const ports = await Promise.all(askers.map(async ({ ready }) => (await ready).port));
  expect(new Set(ports).size).toBe(3);
  for (const { process } of askers) process.kill('SIGKILL');
  await Promise.all(askers.map(({ exited }) => exited));
  expect(await freePort(Math.min(...ports.map(Number)))).toBe(Math.min(...ports.map(Number)));
});

test('the one who was given a port may ask for it again', async () => {
  const port = await freePort(await freePort());
  expect(await freePort(port)).toBe(port);
});
