import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { freePort } from '../../src/dev/ports.ts';
import { answered } from '../support/api.ts';
import { commandLine } from '../support/command-line.ts';
import { testDatabase } from '../support/database.ts';
import { tokenIssuer } from '../support/json-web-token.ts';
import { startProcess } from '../support/processes.ts';
import { makeProductFolder } from '../support/product.ts';
import { startReceiver } from '../support/receiver.ts';
import { composed, startCluster } from '../support/temporal-cluster.ts';
import { builtServer } from '../support/temporal-server-build.ts';
import { until } from '../support/until.ts';

// A Temporal server as Temporal Cloud is to a client: TLS, an API key for one namespace, search attributes made by hand.
const build = builtServer(composed['temporal']?.image.split(':')[1] ?? '');
const reason = typeof build === 'string' ? build : null;
if (reason !== null) console.log(`Skipped: ${reason}`);
const events = 20;

test.skipIf(reason !== null)(
  `with an API key that may write in one namespace a replay runs to its end; with another's, doctor says what is wrong`,
  async () => {
    if (typeof build === 'string') return;
    const folder = makeProductFolder();
    const closing: (() => unknown)[] = [() => folder.remove()];
    onTestFinished(async () => {
      for (const step of closing.toReversed()) await step();
    }, 60_000);
    const issuer = tokenIssuer('of-the-server');
    const keys = await startReceiver((_, response) => response.end(issuer.keySet));
    const access = { keysUrl: keys.url, adminKey: issuer.token(['temporal-system:admin']) };
    const cluster = await startCluster(build, inject('postgresUrl'), folder.path, access);
    closing.push(() => cluster.stop());
    for (const name of ['RepriseDestination', 'RepriseState']) {
      const make = ['operator', 'search-attribute', 'create', '--name', name, '--type', 'Keyword'];
      const made = () =>
        cluster.temporal(...make).then(
          () => true,
          () => false,
        );
      await until(`${name} is made, once all of the server knows the namespace`, made, Boolean);
    }

    const token = randomBytes(16).toString('hex');
    const settings = {
      DATABASE_URL: (await testDatabase()).url,
      TEMPORAL_ADDRESS: cluster.address,
      TEMPORAL_NAMESPACE: 'default',
      TEMPORAL_TLS_SERVER_CA_CERT_PATH: join(folder.path, 'server.pem'),
      TEMPORAL_API_KEY: issuer.token(['default:write']),
      REPRISE_ADMIN_TOKEN: token,
      REPRISE_SECRET_KEY: randomBytes(32).toString('base64'),
      REPRISE_EGRESS_ALLOW: '127.0.0.1/32',
    };
    const port = String(await freePort());
    const url = `http://127.0.0.1:${port}`;
    const processes = ['api/main', 'workers/orchestration', 'workers/delivery'].map((entry) =>
      startProcess(new URL(`../../src/${entry}.ts`, import.meta.url), { ...settings, PORT: port }),
    );
    await Promise.all(processes.map(({ ready }) => ready));

    const cli = commandLine(url, token, folder.path);
    const doctor = async (apiKey: string) =>
      (await cli.run(['doctor'], { ...settings, TEMPORAL_API_KEY: apiKey })).stdout;
    expect(await doctor(settings.TEMPORAL_API_KEY)).toMatch(/Namespace: default is there/);
    const ofNobody = tokenIssuer('of-somebody-else').token(['default:write']);
    expect(await doctor(ofNobody)).toMatch(
      /✗ Temporal: .*\n.*It answers, but not to this: see TEMPORAL_API_KEY/,
    );
    expect(await doctor(issuer.token(['other:write']))).toMatch(
      /✗ Namespace: .*\n.*See that API key or certificate open this namespace/,
    );

    const call = async (method: string, path: string, body?: unknown, key = token) => {
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      return (await answered(await fetch(`${url}${path}`, { method, headers, ...sent }))).body;
    };
    const { writeKey } = await call('POST', '/api/sources', { name: 'Shop' });
    const batch = Array.from({ length: events }, (_, index) => ({
      type: 'track',
      event: 'Order Completed',
      userId: `user-${index}`,
      messageId: `m-${index}`,
    }));
    await call('POST', '/v1/batch', { writeKey, batch });
    const receiver = await startReceiver();
    const destination = { type: 'webhook', name: 'Sink', settings: { url: receiver.url } };
    const { id: destinationId } = await call('POST', '/api/destinations', destination);
    const { id } = await call('POST', '/api/replays', { destinationId });
    const read = () => call('GET', `/api/replays/${id}`);
    const ended = await until('the replay ends', read, ({ status }) => status === 'completed', {
      deadlineMs: 90_000,
      everyMs: 250,
    });
    expect(ended.counts).toMatchObject({ delivered: events, remaining: 0 });
    for (const { process: child } of processes) child.kill('SIGTERM');
    expect(await Promise.all(processes.map(({ exited }) => exited))).toEqual([0, 0, 0]);
  },
  300_000,
);
