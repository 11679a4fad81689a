import { expect, onTestFinished, test } from 'vitest';
import { startApi } from '../support/api-process.ts';
import { testDatabase } from '../support/database.ts';
import { rawText } from '../support/events.ts';
import { openProxy } from '../support/proxy.ts';
import { isMissing } from '../support/sdks/installed.ts';
import { secureFront } from '../support/sdks/secure-front.ts';
import { trackPython } from '../support/sdks/track.ts';
import { archivedOf, newKey } from '../support/tracking.ts';
import { until } from '../support/until.ts';

const db = await testDatabase();
const timeout = 150_000;
const odd = 'é😀 "quoted" \u0000';

test(
  "customerio, Customer.io's client for Python, unchanged: every call arrives",
  { timeout },
  async ({ skip }) => {
    const packages = await trackPython.ready();
    if (isMissing(packages)) return skip(packages.missing);
    const { sourceId, writeKey } = await newKey(db);
    await trackPython.call(packages, await secureFront((await startApi(db.url)).url), writeKey);
    const archived = await archivedOf(db, sourceId);
    expect(
      archived.map(({ type, name, userId, anonymousId }) => [type, name, userId ?? anonymousId]),
    ).toEqual([
      ['identify', null, 'a+b@c.de'],
      ['track', 'Order Completed', 'user/1'],
      ['track', 'Seen', 'anon'],
      ['page', '/home', '5'],
      ['track', 'Then', '5'],
      ['track', 'Device Created or Updated', '5'],
      ['track', 'Device Deleted', '5'],
      ['track', 'User Suppressed', '5'],
      ['track', 'User Unsuppressed', '5'],
      ['alias', null, '1'],
      ['track', 'a', '5'],
      ['track', 'Object Deleted', null],
      ['track', 'User Deleted', '5'],
    ]);
    const texts = archived.map(rawText);
    const raw = texts.map((text) => JSON.parse(text) as Record<string, unknown>);
    expect(raw[0]).toMatchObject({ traits: { plan: odd, created_at: 1582977600, score: null } });
    expect(texts[0]).toContain('9223372036854775809');
    expect(raw[1]).toMatchObject({ properties: { total: 12, note: odd } });
    expect(texts[1]).toContain('12.0');
    expect(raw[3]).toMatchObject({ properties: { referrer: '/' } });
    expect(raw[4]).toMatchObject({ properties: { plan: odd } });
    const then = new Date('2020-02-29T12:00:00Z');
    expect([archived[1]?.timestamp, archived[4]?.timestamp]).toEqual([then, then]);
    expect(archived[1]?.messageId).toBe('01HB4HBDKTFWYZCK01DMRSWRFD');
  },
);

test(
  'customerio for Python waits as told while Postgres is away, and hears of a key that is none',
  { timeout },
  async ({ skip }) => {
    const packages = await trackPython.ready();
    if (isMissing(packages)) return skip(packages.missing);
    const postgres = new URL(db.url);
    const link = await openProxy(() => Number(new URL(db.url).port));
    onTestFinished(() => link.close());
    postgres.port = String(link.port);
    const front = await secureFront((await startApi(postgres.href)).url);
    const { sourceId, writeKey } = await newKey(db);
    await link.cut();
    const called = trackPython.call(packages, front, writeKey, 'track');
    await until(
      'it is answered 503',
      () => front.answers.get(503) ?? 0,
      (count) => count > 0,
    );
    await link.become({});
    await called;
    expect((await archivedOf(db, sourceId)).map(({ name }) => name)).toEqual(['Order Completed']);
    const refused: unknown = await trackPython
      .call(packages, front, 'nobody', 'track')
      .catch((error: unknown) => error);
    expect(String(refused)).toContain('The write key is unknown');
  },
);
