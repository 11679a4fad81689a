import fc from 'fast-check';
import { expect, test } from 'vitest';
import { adminToken, answered } from '../support/api.ts';
import { startApi, type ApiProcess } from '../support/api-process.ts';
import { testDatabase } from '../support/database.ts';
import { checkDocumented } from '../support/documented.ts';
import { isOfTracking, requestsOf, type Document, type Plan } from '../support/fuzz/requests.ts';
import { fuzzSeed } from '../support/fuzz/seed.ts';
import { learn, send, written, type Sent, type Told } from '../support/fuzz/sending.ts';
import { newKey } from '../support/tracking.ts';

/** Requests that are made, and how many of them at once. */
const count = 2_500;
const senders = 16;
const seed = fuzzSeed();
const db = await testDatabase();
const { writeKey, sourceId } = await newKey(db);
const asAdmin = `Bearer ${adminToken}`;
/** As both families of clients send it. */
const asSource = `Basic ${Buffer.from(`${writeKey}:${writeKey}`).toString('base64')}`;

test(
  `${count} requests made of the document: no 5xx, and every answer as documented`,
  { timeout: 600_000 },
  async () => {
    const api = await startApi(db.url, { REPRISE_API_RATE: '0', REPRISE_LOG_LEVEL: 'error' });
    const document = (await answered(await fetch(`${api.url}/api/openapi.json`))).body as Document;
    const plans = fc.sample(requestsOf(document, isNotAsked), { seed, numRuns: count });
    const told = await beginning(api);
    const faults: string[] = [];
    const statuses = new Map<number, number>();
    let next = 0;
    const work = async () => {
      for (let plan = plans[next++]; plan !== undefined; plan = plans[next++]) {
        const sent = written(plan, told, isOfTracking(plan.path) ? asSource : asAdmin);
        // The source that the tracking requests are of stays.
        if (sent.method !== 'GET' && sent.path.includes(sourceId)) continue;
        const fault = await faultOf(api.url, sent, told, statuses, statusesOf(document, plan));
        if (fault !== null) faults.push(`${plan.operationId}: ${fault}\n${shown(sent)}`);
      }
    };
    await Promise.all(Array.from({ length: senders }, work));
    process.stdout.write(`fuzz: ${JSON.stringify(Object.fromEntries(statuses))}\n`);
    expect(faults.slice(0, 10), `FUZZ_SEED=${seed}\n${api.output().slice(-4_000)}`).toEqual([]);
    expect((statuses.get(200) ?? 0) + (statuses.get(201) ?? 0)).toBeGreaterThan(count / 10);
  },
);

/** The large files of the reference page, and what waits for a Temporal that is away. */
const isNotAsked = (operationId: string) => /^get(OpenApiDocument|Reference|Readiness)/.test(operationId);

async function beginning(api: ApiProcess): Promise<Told> {
  const told: Told = { ids: {}, cursors: [] };
  const ask = async (method: string, path: string, body?: unknown) => {
    const answer = await api.call(method, path, body);
    learn(told, path, answer);
    return answer;
  };
  const batch = Array.from({ length: 20 }, (_, at) => ({
    type: at % 7 === 0 ? 'bogus' : 'track',
    event: 'E',
    userId: `u${at}`,
  }));
  await fetch(`${api.url}/v1/batch`, {
    method: 'POST',
    headers: { authorization: asSource },
    body: JSON.stringify({ batch }),
  });
  const settings = { url: 'https://example.com/events' };
  for (const name of ['a', 'b']) {
    await ask('POST', '/api/sources', { name });
    const made = await ask('POST', '/api/destinations', { type: 'webhook', name, settings });
    await ask('POST', '/api/replays', { destinationId: made.body.id });
    await ask('POST', '/api/suppressions', { userId: name });
  }
  for (const list of ['sources', 'destinations', 'replays', 'suppressions', 'events', 'audit', 'rejected']) {
    await ask('GET', `/api/${list}?limit=1`);
  }
  return told;
}

async function faultOf(
  url: string,
  sent: Sent,
  told: Told,
  statuses: Map<number, number>,
  documented: readonly string[],
): Promise<string | null> {
  try {
    const answer = await send(url, sent);
    learn(told, sent.path, answer);
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    if (answer.status >= 500) return `answered ${answer.status} ${answer.text.slice(0, 300)}`;
    const isStranger = ![asAdmin, asSource].includes(sent.headers['authorization'] ?? '');
    if (isStranger && answer.status === 401) return null;
    if (isOfTracking(sent.path)) {
      // An id that is empty, or has a slash in it, leads elsewhere.
      expect([...documented, '404', '405']).toContain(String(answer.status));
      return null;
    }
    checkDocumented(sent.method, sent.path, answer);
    if (answer.status < 400) return null;
    const { type, status, code, detail, requestId } = answer.body;
    expect([type, status]).toEqual([`/docs/errors/${code}`, answer.status]);
    expect(requestId).toBe(answer.headers.get('x-request-id'));
    expect(detail.length).toBeGreaterThan(10);
    return null;
  } catch (error) {
    return String(error).slice(0, 1_500);
  }
}

const statusesOf = (document: Document, { path, method }: Plan) =>
  Object.keys(document.paths[path]![method.toLowerCase()]!.responses);

function shown({ method, path, headers, body }: Sent): string {
  const { authorization: _, ...rest } = headers;
  return `${method} ${path.slice(0, 400)} ${JSON.stringify(rest).slice(0, 300)}\n${body?.toString().slice(0, 600) ?? ''}`;
}
