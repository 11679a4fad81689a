import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { appendEvents } from '../../src/db/archive/append.ts';
import { sql } from '../../src/db/sql.ts';
import { startApi } from '../support/api-process.ts';
import { testDatabase } from '../support/database.ts';
import { trackEvent } from '../support/events.ts';
import { memoryOf } from '../support/memory.ts';
import { basic, newKey } from '../support/tracking.ts';
import { until } from '../support/until.ts';

const db = await testDatabase();
const eventsPerRequest = 12;
const filler = 'x'.repeat(30_000);
/** Less than the bodies of those who came when all places were taken: 350 of 360 KB. */
const allowedGrowthMb = 100;

test('ten times more than may wait: 503 with Retry-After, memory flat, admins are answered, nothing is lost', async () => {
  const api = await startApi(db.url);
  const { sourceId, writeKey } = await newKey(db);
  const crowd = openCrowd(api.url, writeKey);
  await crowd.warmUp();
  await whileAppendsWait(async () => {
    crowd.join(250); // a little more than may wait
    await crowd.refused(20);
    const full = memoryOf(api.pid).now;
    crowd.join(350);
    await crowd.refused(1_600);
    expect(memoryOf(api.pid).peak - full).toBeLessThan(allowedGrowthMb);
    for (const path of ['/api/sources', '/api/events', '/readyz'])
      expect((await api.call('GET', path)).status).toBe(200);
  });
  await crowd.satisfied();
  expect(crowd.unbearable).toEqual([]);
  const stored = await db.rows<{ id: string }>(
    sql`select message_id as id from event where source_id = ${sourceId}`,
  );
  expect(stored.map(({ id }) => id).toSorted()).toEqual(crowd.acknowledged().toSorted());
});

/** Keeps all appends of the database waiting while `work` runs, as another process' append would that takes long. */
async function whileAppendsWait(work: () => Promise<void>): Promise<void> {
  const { sourceId } = await newKey(db);
  await db.transaction(async (tx) => {
    await appendEvents(tx, [trackEvent(sourceId)]);
    const alive = setInterval(() => void tx.rows(sql`select 1`), 2_000); // else it would be ended as idle
    await work().finally(() => clearInterval(alive));
  });
}

/** Clients that each want to be rid of one large batch, and come again until it is acknowledged. */
function openCrowd(apiUrl: string, writeKey: string) {
  const agent = new Agent({ keepAlive: true });
  const unbearable: string[] = [];
  const acknowledged: string[] = [];
  const clients: Promise<void>[] = [];
  let refused = 0;
  const post = async (body: Buffer): Promise<boolean> => {
    const headers = { authorization: basic(writeKey), 'content-length': body.length };
    const outgoing = request(`${apiUrl}/v1/batch`, { agent, method: 'POST', headers });
    outgoing.end(body);
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    await buffer(incoming);
    const { statusCode: status, headers: said } = incoming;
    if (status === 503) refused += 1;
    if (status !== 200 && !(status === 503 && Number(said['retry-after']) > 0)) unbearable.push(`${status}`);
    return status === 200;
  };
  const client = async (name: string) => {
    const ids = Array.from({ length: eventsPerRequest }, (_, index) => `${name}-${index}`);
    const body = Buffer.from(`{"batch":[${ids.map((id) => largeEvent(id)).join(',')}]}`);
    while (!(await post(body))) await delay(100 + Math.random() * 200);
    acknowledged.push(...ids);
  };
  return {
    unbearable,
    acknowledged: () => acknowledged,
    warmUp: async () => {
      for (let turn = 0; turn < 30; turn++) await client(`warm-${turn}`);
    },
    join: (count: number) => {
      for (let index = 0; index < count; index++) clients.push(client(`client-${clients.length}`));
    },
    refused: async (count: number) => {
      await until(
        `${count} requests are refused`,
        () => refused,
        (sofar) => sofar >= count,
      );
    },
    satisfied: async () => {
      await Promise.all(clients);
      agent.destroy();
    },
  };
}

function largeEvent(id: string): string {
  return `{"type":"track","event":"Large","userId":"u","messageId":"${id}","properties":{"filler":"${filler}"}}`;
}
