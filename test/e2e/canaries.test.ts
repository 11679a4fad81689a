import { join } from 'node:path';
import { expect, test } from 'vitest';
import { catalogEnvironment } from '../../src/destinations/catalog/read.ts';
import { canary, canaryCount, keyCanary, leaksIn, type Place } from '../support/canaries.ts';
import { runCommands } from '../support/canary-commands.ts';
import { canaryDestinations } from '../support/canary-destinations.ts';
import * as places from '../support/canary-places.ts';
import { kinds, startCanaryReceiver } from '../support/canary-receiver.ts';
import { askAsNobody, refusedRequests } from '../support/canary-refusals.ts';
import { openScene } from '../support/scene.ts';
import { startCollector } from '../support/span-collector.ts';
import { basic, send } from '../support/tracking.ts';
import { until } from '../support/until.ts';

const adminToken = canary();
const secretKey = keyCanary(32);
const given = catalogEnvironment().filter((name) => /SECRET|TOKEN$|KEY/.test(name));
const collector = await startCollector();
const scene = await openScene({
  REPRISE_ADMIN_TOKEN: adminToken,
  REPRISE_SECRET_KEY: secretKey,
  REPRISE_OTHER_SECRET_KEYS: keyCanary(32),
  REPRISE_DESTINATIONS: new URL('../support/definitions', import.meta.url).pathname,
  REPRISE_METRICS_PORT: '0',
  REPRISE_LOG_LEVEL: 'debug',
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  ...Object.fromEntries(given.map((name) => [name, canary()])),
});
const { product } = scene;
const api = places.listenTo(product, adminToken);

/** Not secret, and in every event: whatever keeps or shows events has it. */
const control = 'pv4d9ekm';
/** Each of them speaks for the whole account, so that it would hold up the others: they come one by one, the last at the end. */
const ofAll = ['401 of JSON', '429 of JSON', '410 of JSON'].map((kind) => kinds.indexOf(kind));

/** An event for each other kind of answer, successes behind each, so that no streak speaks for the account. */
function events(when: 'past' | 'live'): object[] {
  const numbers = kinds.flatMap((_, kind) =>
    ofAll.includes(kind) ? [] : [kind, ...[1, 2, 3].map((more) => kinds.length * (3 * kind + more))],
  );
  return numbers.map((number) => event(`${when}-${number}`));
}

const event = (messageId: string) => ({
  type: 'track',
  event: 'Ordered',
  messageId,
  userId: `user-of-${messageId}`,
  properties: { control, messageId },
});

async function post(batch: readonly object[]): Promise<void> {
  const [source] = (await product.call('GET', '/api/sources')).body.data;
  const headers = { authorization: basic(source.writeKey) };
  const answer = await send(`${product.apiUrl}/v1/batch`, { headers, body: JSON.stringify({ batch }) });
  expect(answer.status).toBe(200);
}

/** Asks for something that must be made. @param more as for `ask` */
async function make(path: string, body: object, more: places.AskOptions = {}) {
  const made = await api.ask('POST', path, body, more);
  expect(made.status, made.text).toBe(201);
  return made.body;
}

/** Lets what waits after its tries be given up on, until all of it is through. */
async function getThrough(path: string, isOver: () => Promise<boolean>): Promise<void> {
  const step = async () => {
    const lanes = (await api.ask('GET', `${path}/lanes`)).body.data as { waiting: { events: number } }[];
    const waits = lanes.some(({ waiting }) => waiting.events > 0);
    if (waits) await api.ask('POST', `${path}/give-up`);
    return !waits && (await isOver());
  };
  await until(`${path} is through`, step, Boolean, { deadlineMs: 150_000, everyMs: 2_000 });
}

async function endReplay(id: string): Promise<void> {
  const path = `/api/replays/${id}`;
  const status = async () => (await api.ask('GET', path)).body.status as string;
  await getThrough(path, async () => (await status()).startsWith('completed'));
  for (const format of ['json', 'csv', 'markdown']) await api.ask('GET', `${path}/report?format=${format}`);
}

async function endStream(id: string): Promise<void> {
  const path = `/api/destinations/${id}`;
  const all = 2 * events('live').length;
  await getThrough(path, async () => (await api.ask('GET', path)).body.stream.cursor.position >= all);
}

/** Previews and tests; a test of the catalog starts a process of its own. */
async function lookAt({ id, type }: { readonly id: string; readonly type: string }): Promise<void> {
  const path = `/api/destinations/${id}`;
  const asked = { eventIds: ['past-0', 'past-1'], replay: true };
  const preview = await api.ask('POST', `${path}/preview`, asked);
  expect(preview.status, preview.text).toBe(200);
  await api.ask('POST', `${path}/preview`, { event: event('live-0') });
  const tests = type === 'webhook' || type === 'segment' ? kinds : kinds.slice(0, 1);
  for (const _ of tests) await api.ask('POST', `${path}/test`);
}

/** Sends what speaks for the whole account, until 410 has ended each destination. */
async function endAll(types: readonly string[], answered: ReadonlySet<string>): Promise<void> {
  for (const kind of ofAll) {
    await post([event(`live-${kind}`)]);
    const missing = () => types.filter((type) => !answered.has(`${type}: ${kinds[kind]}`));
    await until(`all have answered ${kinds[kind]}`, missing, (left) => left.length === 0);
  }
  const enabled = () => api.ask('GET', '/api/destinations?enabled=true');
  await until('410 ends them', enabled, ({ body }) => body.data.length === 0, { everyMs: 500 });
}

test('no secret is in anything that is kept, shown or told, whatever receivers answer', async () => {
  const receiver = await startCanaryReceiver();
  for (const path of ['/api/events/stream', '/api/deliveries/stream']) api.follow(path);
  await post(events('past'));

  const hook = `${receiver.url}/notification`;
  const key = { headers: { 'idempotency-key': 'once' } };
  const asked = { url: `${hook}/${canary()}?k=${canary()}`, secret: `whsec_${keyCanary(32)}`, name: control };
  const notification = await make('/api/notifications', asked);
  const other = await make('/api/notifications', { url: hook }, { ...key, shownOnce: 'secret' });
  const token = await make('/api/tokens', { name: control, role: 'viewer' }, { ...key, shownOnce: 'token' });
  const destinations: { id: string; type: string; name: string }[] = [];
  for (const one of canaryDestinations(receiver.url)) destinations.push(await make('/api/destinations', one));
  const types = destinations.map(({ type }) => type);
  const idOf = (type: string) => destinations.find((one) => one.type === type)!.id;

  // An event for each answer, by each stream and by a replay to each destination.
  await post(events('live'));
  const replays: string[] = [];
  for (const { id } of destinations)
    replays.push((await make('/api/replays', { destinationId: id, label: control, mode: 'all' })).id);
  const ids = {
    webhook: idOf('webhook'),
    segment: idOf('segment'),
    klime: idOf('actions-klime'),
    notification: notification.id as string,
  };
  for (const [method, path, body] of refusedRequests(ids, receiver.url)) {
    const { status, text } = await api.ask(method, path, body);
    expect(`${status}`, `${method} ${path} ${JSON.stringify(body)}: ${text}`).toMatch(/^4/);
  }
  expect(await askAsNobody(api)).toEqual([401, 401, 401]);
  for (const _ of kinds) await api.ask('POST', `/api/notifications/${ids.notification}/test`);
  const streams = destinations.map(({ id }) => endStream(id));
  await Promise.all([...destinations.map(lookAt), ...replays.map(endReplay), ...streams]);
  await endAll(types, receiver.answered);
  const unanswered = types.flatMap((type) => kinds.map((kind) => `${type}: ${kind}`));
  expect(unanswered.filter((one) => !receiver.answered.has(one))).toEqual([]);

  const unread = await places.readEverything(api);
  expect(unread.filter((path) => path.startsWith('/api'))).toEqual(nothingThere);
  const names = { destination: destinations[0]!.name, replay: replays[0]!, event: 'past-1' };
  const commands = await runCommands(product, { adminToken, secretKey, folder: scene.folder }, names);
  await api.close();
  const group = (control: string, found: readonly Place[]) => ({ control, found });
  const told = receiver.requests.filter(({ path }) => path.startsWith('/notification'));
  const before = {
    tables: group(control, await places.tablesOf(product.databaseUrl)),
    Temporal: group(replays[0]!, await places.historiesOf(product.temporalUrl)),
    metrics: group(ids.webhook, await places.metricsOf(api, product.output())),
  };
  await product.stop();
  // The file has the password of the Postgres that Reprise started.
  const files = places.filesIn(join(scene.folder, 'data'), ['postgres/password']);
  const output = { name: 'output', bytes: Buffer.from(product.output()) };
  const looked = {
    ...before,
    answers: group(control, api.places),
    commands: group(control, commands),
    notifications: group(replays[0]!, [
      { name: 'told', bytes: Buffer.concat(told.map(({ bytes }) => bytes)) },
    ]),
    spans: group(ids.webhook, [{ name: 'spans', bytes: Buffer.from(collector.text()) }]),
    logs: group(ids.webhook, [output, ...files.filter(({ name }) => name.startsWith('file logs/'))]),
    files: group(replays[0]!, files),
  };
  collector.close();
  const sizes = Object.entries(looked).map(([name, { found }]) => {
    const bytes = found.reduce((sum, one) => sum + one.bytes.length, 0);
    return `${name}: ${found.length} places, ${bytes} bytes`;
  });
  const counts = `${canaryCount()} canaries, ${kinds.length} kinds of answers, ${receiver.requests.length} requests`;
  console.log([counts, ...sizes].join('\n'));
  for (const [name, { control, found }] of Object.entries(looked)) {
    const hasControl = found.some(({ bytes }) => bytes.includes(control));
    expect(hasControl, `what is not secret is found in ${name}`).toBe(true);
  }
  expect(canaryCount()).toBeGreaterThan(80);
  expect(kinds.length).toBeGreaterThan(25);
  const shown = [other.secret as string, token.token as string, new URL(product.databaseUrl).password];
  expect(
    leaksIn(
      Object.values(looked).flatMap(({ found }) => found),
      shown,
    ),
  ).toEqual([]);
});

/** Lists that are empty here: nothing in them is of a destination. */
const nothingThere = [
  '/api/imports/{id}',
  '/api/rejected/{id}',
  '/api/suppressions/{id}',
  '/api/deletions/{id}',
];
