import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openScene, type Source } from '../support/scene.ts';
import { until } from '../support/until.ts';

const all = 300;
const active = 50;

const scene = await openScene({ REPRISE_WORKERS: '1' });
const sink = await scene.newSink();
const sent: string[] = [];

test('300 destinations on one worker: the 50 that get events get them all, the 250 others hold no slot', async () => {
  const sources = await inTurn(active, (n) => scene.newSource(`Source ${n}`));
  const sleeper = await scene.newSource('Sleeper');
  const silent = await scene.newSource('Silent');
  const sourceOf = (n: number) => (n < active ? sources[n]! : n === active ? sleeper : silent);
  await inTurn(all, (n) => scene.connect(sink, { name: `Sink ${n}`, sources: [sourceOf(n).id] }));

  const over = new AbortController();
  const sending = sendUntil(over.signal, sources);
  const parked = await until(
    'the others are parked',
    () => standing(),
    (now) => now.parked === all - active,
    { deadlineMs: 180_000, everyMs: 500 },
  );
  expect(parked.leases).toBeLessThanOrEqual(active);
  // A stretch of time is what is tested: longer than a stream without events stays, and the active ones do not park.
  const stretchEnd = Date.now() + 12_000;
  await until(
    'events arrive behind the stretch',
    () => sink.lines().at(-1)?.at ?? 0,
    (at) => at >= stretchEnd,
    { everyMs: 500 },
  );
  expect(await standing()).toMatchObject({ parked: all - active });

  // The marks of those that are parked follow the head, so that a replay is cut at a fresh one.
  const [head] = await scene.rows<{ head: string }>('select archive_head() as head', []);
  await until(
    'the parked ones stand at the head',
    () => scene.rows<{ lowest: string }>(`select min(mark) as lowest from lane where state = 'parked'`, []),
    ([row]) => Number(row!.lowest) >= Number(head!.head),
  );

  const at = Date.now();
  const messageId = await send(sleeper);
  const arrived = await until(
    'the first event of a parked one has arrived',
    () => sink.lines().find((line) => line.messageId === messageId),
    (line) => line !== undefined,
  );
  console.log(
    `the first event of a parked stream arrived ${Math.round(arrived!.at - at)} ms after it was sent`,
  );
  over.abort();
  await sending;

  const lines = await until(
    'everything has arrived',
    () => sink.lines(),
    (found) => found.length >= sent.length,
  );
  expect(lines).toHaveLength(sent.length);
  expect(new Set(lines.map((line) => line.messageId))).toEqual(new Set(sent));
});

interface Standing {
  readonly parked: number;
  readonly leases: number;
}

async function standing(): Promise<Standing> {
  const [row] = await scene.rows<Standing>(
    `select count(*) filter (where l.state = 'parked')::int as parked,
      count(*) filter (where not l.lease_released)::int as leases
    from lane l join run r on r.id = l.run_id where r.ended_at is null`,
    [],
  );
  return row!;
}

/** One event of each source, again and again. */
async function sendUntil(over: AbortSignal, sources: readonly Source[]): Promise<void> {
  while (!over.aborted) {
    await Promise.all(sources.map(send));
    await delay(500);
  }
}

async function send({ writeKey }: Source): Promise<string> {
  const messageId = `m${sent.length}`;
  sent.push(messageId);
  const answer = await fetch(`${scene.product.apiUrl}/v1/track`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`,
    },
    body: JSON.stringify({ userId: 'u1', event: 'Seen', messageId }),
  });
  expect(answer.status).toBe(200);
  return messageId;
}

/** A few at a time. */
async function inTurn<Made>(count: number, make: (n: number) => Promise<Made>): Promise<Made[]> {
  const made: Made[] = [];
  for (let n = 0; n < count; n += 10) {
    const some = Array.from({ length: Math.min(10, count - n) }, (_, index) => make(n + index));
    made.push(...(await Promise.all(some)));
  }
  return made;
}
