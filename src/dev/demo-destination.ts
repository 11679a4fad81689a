// A destination to try Reprise with: a process of its own that counts what arrives and shows it on a page.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { announceReady, onShutdown } from '../child-process.ts';
import { readConfig } from '../config.ts';
import { Journal } from './demo-destination/journal.ts';
import { createReceiver } from './demo-destination/receiver.ts';
import { createDemoServer } from './demo-destination/server.ts';
import { readSwitches, writeSwitches } from './demo-destination/switches.ts';

const config = readConfig();
const folder = join(config.REPRISE_DATA_DIR, 'demo-destination');
const journal = new Journal(join(folder, 'received.ndjson'));
const switchesFile = join(folder, 'switches.json');
let switches = readSwitches(switchesFile);

const server = createDemoServer({
  journal,
  receiver: createReceiver(journal, () => switches, Date.now, Math.random),
  switches: () => switches,
  onSwitches: (next) => {
    switches = next;
    writeSwitches(switchesFile, next);
  },
  clock: Date.now,
});
server.keepAliveTimeout = 60_000; // longer than the sender keeps a connection, so that it is never the one surprised
server.listen(config.PORT, config.REPRISE_HOST);
await once(server, 'listening');

onShutdown(async () => {
  const closed = once(server, 'close');
  server.close(); // what has been counted gets its answer first: the sender would send it again
  const sweep = setInterval(() => server.closeIdleConnections(), 50); // those that were busy until now
  await closed;
  clearInterval(sweep);
  journal.close();
});
announceReady({ port: (server.address() as AddressInfo).port });
