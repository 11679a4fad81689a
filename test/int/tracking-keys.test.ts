import { expect, test } from 'vitest';
import { testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';
import { basic, newKey, send, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
const api = await testApi(db);
const servers = [await trackingServer({ db }), await trackingServer({ db })];
/** For how long a key that ends may still be taken, with a little for clocks that differ; milliseconds. */
const promisedMs = 1_000 + 50;
const event = '{"type":"track","event":"e","userId":"u"}';

interface Heard {
  /** When it was asked and answered; milliseconds since 1970. */
  readonly asked: number;
  readonly answered: number;
  readonly status: number;
}

async function ask({ url }: { url: string }, writeKey: string): Promise<Heard> {
  const asked = Date.now();
  const { status } = await send(`${url}/v1/track`, {
    headers: { authorization: basic(writeKey) },
    body: event,
  });
  return { asked, answered: Date.now(), status };
}

/** Asks a server with a key again and again, as it would be used, until it has been refused three times. */
async function useUp(server: { url: string }, writeKey: string): Promise<Heard[]> {
  const heard: Heard[] = [];
  await until(
    'the key is refused',
    async () => heard[heard.push(await ask(server, writeKey)) - 1]!.status,
    () => heard.filter(({ status }) => status === 401).length === 3,
    { everyMs: 10, deadlineMs: 15_000 },
  );
  return heard;
}

const last = (heard: readonly Heard[], status: number) => heard.findLast((one) => one.status === status)!;
const first = (heard: readonly Heard[], status: number) => heard.find((one) => one.status === status)!;

test.each([
  ['rotated without overlap', 'POST', '/rotate-key', { overlapSeconds: 0 }],
  ['blocked with its source', 'PATCH', '', { blocked: true }],
  ['deleted with its source', 'DELETE', '', undefined],
] as const)(
  'a key that is %s is taken by no process for longer than a second',
  async (_, method, path, body) => {
    const { sourceId, writeKey } = await newKey(db);
    const used = servers.map((server) => useUp(server, writeKey));
    for (const server of servers) expect((await ask(server, writeKey)).status).toBe(200);
    const changed = await api.call(method, `/api/sources/${sourceId}${path}`, body);
    const ended = Date.now();
    expect(changed.status).toBeLessThan(300);
    if (path !== '')
      for (const server of servers)
        expect((await ask(server, changed.body.writeKey as string)).status).toBe(200);
    for (const heard of await Promise.all(used)) {
      expect(last(heard, 200).asked - ended).toBeLessThan(promisedMs);
      expect(new Set(heard.map(({ status }) => status))).toEqual(new Set([200, 401]));
    }
  },
);

test('a key that is rotated is taken while it overlaps, and by no process for longer than a second more', async () => {
  const { sourceId, writeKey } = await newKey(db);
  const used = servers.map((server) => useUp(server, writeKey));
  const { body } = await api.call('POST', `/api/sources/${sourceId}/rotate-key`, { overlapSeconds: 2 });
  const rotated = Date.now();
  const keys = body.writeKeys as { key: string; expiresAt: string }[];
  const ends = Date.parse(keys.find(({ key }) => key === writeKey)!.expiresAt);
  for (const heard of await Promise.all(used)) {
    expect(heard.some(({ asked, status }) => asked > rotated && status === 200)).toBe(true);
    expect(first(heard, 401).answered).toBeGreaterThanOrEqual(ends);
    expect(last(heard, 200).asked - ends).toBeLessThan(promisedMs);
  }
});
