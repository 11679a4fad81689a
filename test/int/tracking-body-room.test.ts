import { once } from 'node:events';
import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { poisonSeed } from '../support/poison-seed.ts';
import { Random } from '../support/simulation/random.ts';
import { basic, newKey, trackingServer } from '../support/tracking.ts';

const db = await testDatabase();
/** As many bytes as one body may have, so that one alone fits exactly. */
const room = 512 * 1024;
const { url } = await trackingServer({ db, maxWaitingBytes: room });
const { writeKey } = await newKey(db);
const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

/** An event in so many bytes, most of them blank. */
const bodyOf = (bytes: number) => '{"event":"e","userId":"u"}'.padEnd(bytes, ' ');

function start(headers: Record<string, string> = {}): ClientRequest {
  const all = { authorization: basic(writeKey), 'transfer-encoding': 'chunked', ...headers };
  return httpRequest(`${url}/v1/track`, { method: 'POST', agent, headers: all });
}

interface Heard {
  readonly status: number;
  readonly code: unknown;
  readonly retryAfter: number;
}

/** What a request is answered; null: it broke off. */
async function heard(sent: ClientRequest): Promise<Heard | null> {
  const ended = Promise.race([once(sent, 'response'), once(sent, 'close').then(() => null)]);
  const came = (await ended.catch(() => null)) as [IncomingMessage] | null;
  if (came === null) return null;
  const [answer] = came;
  const { code } = (await json(answer)) as { code?: unknown };
  return { status: answer.statusCode!, code, retryAfter: Number(answer.headers['retry-after']) };
}

async function post(body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Heard | null> {
  const sent = start(headers);
  const answer = heard(sent);
  sent.end(body);
  return await answer;
}

const full = { status: 503, code: 'overloaded' };

/** That nothing is held, to the byte: all of it fits, and then not one byte more. */
async function expectEmpty(): Promise<void> {
  // Of a client that has gone the server hears a little later.
  await expect.poll(() => post(bodyOf(room)), { timeout: 10_000 }).toMatchObject({ status: 200 });
  const large = start();
  const answer = heard(large);
  large.write(bodyOf(room));
  await expect.poll(() => post('1'), { timeout: 10_000 }).toMatchObject(full);
  large.end();
  expect(await answer).toMatchObject({ status: 200 });
}

test('a body beyond the room is refused with 503 and when to come back, until others have ended', async () => {
  await expectEmpty();
  const [first, second] = [start(), start()];
  const answers = [heard(first), heard(second)];
  for (const sent of [first, second]) sent.write(bodyOf(room / 2));
  await expect.poll(() => post('1')).toMatchObject(full);
  expect((await post(bodyOf(100)))!.retryAfter).toBeGreaterThan(0);
  first.end();
  expect(await answers[0]).toMatchObject({ status: 200 });
  const packed = gzipSync(bodyOf(room / 2)); // together they are larger than what is left
  expect(await post(packed, { 'content-encoding': 'gzip' })).toMatchObject(full);
  expect(await post(bodyOf(room / 2))).toMatchObject({ status: 200 });
  second.end();
  expect(await answers[1]).toMatchObject({ status: 200 });
  await expectEmpty();
});

interface Way {
  readonly wanted: Partial<Heard> | null;
  readonly headers?: Record<string, string>;
  readonly body: (random: Random) => string | Uint8Array;
}
const gzip = { 'content-encoding': 'gzip' };
const some = (random: Random) => random.int(30, 150_000);

/** Each way in which a request can end. */
const ways: Readonly<Record<string, Way>> = {
  stored: { wanted: { status: 200 }, body: (random) => bodyOf(some(random)) },
  'stored, inflated': {
    wanted: { status: 200 },
    headers: gzip,
    body: (random) => gzipSync(bodyOf(some(random))),
  },
  'kept as rejected': { wanted: { status: 200 }, body: (random) => '[]'.padEnd(some(random)) },
  'refused in strict mode': {
    wanted: { status: 400, code: 'events_invalid' },
    headers: { 'x-strict-mode': '1' },
    body: (random) => '{}'.padEnd(some(random)),
  },
  'broken off': { wanted: null, body: (random) => bodyOf(some(random)) },
  'inflated too large': {
    wanted: { status: 413, code: 'body_too_large' },
    headers: gzip,
    body: () => gzipSync(Buffer.alloc(2_000_000)),
  },
  'too large': { wanted: { status: 413, code: 'body_too_large' }, body: () => bodyOf(room + 1) },
  'wrongly inflated': {
    wanted: { status: 400, code: 'malformed_encoding' },
    headers: gzip,
    body: (random) => bodyOf(some(random)),
  },
  'no JSON': { wanted: { status: 400, code: 'malformed_json' }, body: (random) => 'x'.padEnd(some(random)) },
  'nobody known': {
    wanted: { status: 401, code: 'write_key_unknown' },
    headers: { authorization: '' },
    body: (random) => `{"writeKey":"nobody"}`.padEnd(some(random)),
  },
  'without a key': {
    wanted: { status: 401, code: 'write_key_missing' },
    headers: { authorization: '' },
    body: (random) => bodyOf(some(random)),
  },
};

/** Sends one in pieces, with pauses that depend on chance. */
async function sendOne(way: Way, random: Random): Promise<Heard | null> {
  const sent = start(way.headers);
  const answer = heard(sent);
  const bytes = Buffer.from(way.body(random));
  for (let at = 0; at < bytes.length && !sent.destroyed;) {
    const piece = bytes.subarray(at, at + random.int(1, 200_000));
    at += piece.length;
    sent.write(piece);
    if (way.wanted === null && (at === bytes.length || random.chance(0.5))) sent.destroy();
    for (let turns = random.int(0, 5); turns > 0; turns--) await setImmediate();
  }
  if (!sent.destroyed) sent.end();
  return await answer;
}

test('it comes back to the byte on every way in which a request can end, however they are interleaved', async () => {
  const random = new Random(poisonSeed());
  const seen = new Map<string, number>();
  const lanes = Array.from({ length: 8 }, async () => {
    for (let turn = 0; turn < 60; turn++) {
      const name = random.pick(Object.keys(ways));
      const way = ways[name]!;
      const answer = await sendOne(way, random);
      const wasFull = answer?.status === 503;
      if (wasFull) {
        expect(answer, name).toMatchObject(full);
        expect(answer.retryAfter, name).toBeGreaterThan(0);
      } else if (way.wanted !== null) expect(answer, name).toMatchObject(way.wanted);
      const key = wasFull ? 'beyond the room' : name;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
  });
  await Promise.all(lanes);
  expect([...seen.keys()].sort()).toEqual([...Object.keys(ways), 'beyond the room'].sort());
  await expectEmpty();
});
