import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Outcome } from '../../src/core/outcome.ts';
import { packageDestination } from '../../src/destinations/catalog/definition.ts';
import { usable } from '../support/catalog-engine.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { openInternet, type Answer } from '../support/internet.ts';
import { loopback } from '../support/webhook-sender.ts';

// What a profile says a replay sends otherwise, in the request that leaves: a live event's and a replayed one's side by side.
let answers: Answer = { status: 200, body: '{}' };
const internet = await openInternet(() => answers);
afterAll(() => internet.close());

const daySeconds = 86_400;
const agoOf = (seconds: number) => new Date(Date.now() - seconds * 1_000);
const arrived = agoOf(60).toISOString();

function openSender(type: string, action: string, mapping: Record<string, unknown>, replay: boolean) {
  const { document, ...given } = usable(type, action, mapping);
  const actionId = randomUUID();
  const sender = packageDestination(document).open(given.settings, {
    egress: loopback,
    destinationId: randomUUID(),
    actions: [{ actionId, action, mapping: given.mapping }],
    replay,
  });
  onTestFinished(() => sender.close());
  return { sender, actionId };
}

interface Sent {
  readonly url: string;
  readonly body: any; // eslint-disable-line @typescript-eslint/no-explicit-any -- each service has a shape of its own
}

/** Sends events of these ages in one go, as often as some are left over. */
async function send(
  { sender, actionId }: ReturnType<typeof openSender>,
  ages: readonly number[],
): Promise<{ sent: Sent[]; outcomes: Outcome[] }> {
  let left = ages.map((age, index) => {
    const timestamp = agoOf(age);
    const ids = { userId: 'ada', anonymousId: 'anon-1', messageId: `m${index + 1}` };
    const properties = {
      products: [{ product_id: 'p-1', price: 2, currency: 'USD' }],
      currency: 'USD',
      value: 3,
    };
    const text = { type: 'track', event: 'Ordered', ...ids, timestamp, receivedAt: arrived, properties };
    const delivery = deliveryOf(JSON.stringify(text), { actionId });
    return { ...delivery, event: { ...delivery.event, timestamp } };
  });
  const outcomes: Outcome[] = [];
  while (left.length > 0) {
    const some = await sender.send(left, openGate);
    outcomes.push(...some.filter(({ kind }) => kind !== 'notSent'));
    left = left.filter((_, index) => some[index]!.kind === 'notSent');
  }
  const sent = internet
    .taken()
    .map(({ url, body }) => ({ url, body: JSON.parse(body.toString()) as unknown }));
  return { sent, outcomes };
}

async function sideBySide(type: string, action: string, ages: readonly number[], mapping = {}) {
  const live = await send(openSender(type, action, mapping, false), ages);
  const replayed = await send(openSender(type, action, mapping, true), ages);
  return { live: live.sent, replayed: replayed.sent };
}

describe('a replay', () => {
  test('sends Amplitude the messageId as insert_id, to the endpoint for history', async () => {
    for (const action of ['logEventV2', 'logEvent']) {
      const { live, replayed } = await sideBySide('actions-amplitude', action, [0]);
      expect(live[0]!.url).toBe('https://api2.amplitude.com/2/httpapi');
      expect(live[0]!.body.events[0]).not.toHaveProperty('insert_id');
      expect(replayed[0]!.url).toBe('https://api2.amplitude.com/batch');
      expect(replayed[0]!.body.events[0].insert_id).toBe('m1');
    }
  });

  test('leaves an insert_id alone that somebody has mapped himself', async () => {
    const own = { insert_id: { '@path': '$.userId' } };
    const { live, replayed } = await sideBySide('actions-amplitude', 'logEventV2', [0], own);
    expect([live, replayed].map(([one]) => one!.body.events[0].insert_id)).toEqual(['ada', 'ada']);
  });

  test('sends Braze the time of the event, not of its arrival', async () => {
    for (const action of ['trackEvent', 'trackEvent2']) {
      const { live, replayed } = await sideBySide('actions-braze-cloud', action, [30 * daySeconds]);
      const dayOf = ([one]: Sent[]) => one!.body.events[0].time.slice(0, 10);
      expect(dayOf(live)).toBe(arrived.slice(0, 10));
      expect(dayOf(replayed)).toBe(
        agoOf(30 * daySeconds)
          .toISOString()
          .slice(0, 10),
      );
    }
  });

  test('says historical to PostHog exactly for requests whose events are all older than 48 hours', async () => {
    const ages = [9 * daySeconds, 3 * daySeconds, 3_600, 5 * daySeconds];
    const { live, replayed } = await sideBySide('actions-posthog', 'event', ages, { enable_batching: true });
    expect(live.map(({ body }) => [body.historical_migration, body.batch.length])).toEqual([[false, 4]]);
    expect(new Set(live[0]!.body.batch.map((one: Sent['body']) => one.timestamp))).toEqual(
      new Set([arrived]),
    );
    // What does not fit in stays behind in its order, so what is as old as the first comes with the next request.
    const told = replayed.map(({ body }) => [body.historical_migration, body.batch.length]);
    expect(told).toEqual([
      [true, 2],
      [false, 1],
      [true, 1],
    ]);
    const days = replayed.flatMap(({ body }) =>
      body.batch.map((one: Sent['body']) => one.timestamp.slice(0, 10)),
    );
    expect(days).toEqual(ages.map((age) => agoOf(age).toISOString().slice(0, 10)));
  });

  test('hears from Mixpanel which event of a batch is bad', async () => {
    const failed_records = [{ index: 1, insert_id: 'm2', field: 'properties.time', message: 'bad time' }];
    const body = {
      code: 400,
      error: 'some data points failed',
      failed_records,
      num_records_imported: 1,
      status: 'Bad Request',
    };
    answers = { status: 400, body: JSON.stringify(body) };
    onTestFinished(() => void (answers = { status: 200, body: '{}' }));
    const live = await send(openSender('actions-mixpanel', 'trackEvent', {}, false), [0, 0]);
    const replayed = await send(openSender('actions-mixpanel', 'trackEvent', {}, true), [0, 0]);
    expect(live.outcomes.map(({ kind }) => kind)).toEqual(['refused', 'refused']);
    expect(replayed.outcomes.map(({ kind }) => kind)).toEqual(['delivered', 'refused']);
  });

  test.each([
    ['actions-braze-cloud', 'trackEvent', { batch_size: 200 }, 75, 75],
    ['actions-iterable', 'trackEvent', { batch_size: 40 }, 40, 40],
    ['actions-iterable', 'trackEvent', {}, 1_000, 1_000],
    ['actions-google-campaign-manager-360', 'conversionUpload', { enable_batching: true }, 1_000, 1_000],
    ['actions-klaviyo', 'trackEvent', { batch_size: 7 }, 7, 7],
  ])(
    'puts no more into a request of %s/%s %o than the service takes',
    (type, action, mapping, live, replayed) => {
      expect(openSender(type, action, mapping, false).sender.batchSize).toBe(live);
      expect(openSender(type, action, mapping, true).sender.batchSize).toBe(replayed);
    },
  );
});

test('what Google Analytics answers confirms nothing, live or replayed', async () => {
  for (const replay of [false, true]) {
    const { outcomes } = await send(openSender('actions-google-analytics-4', 'customEvent', {}, replay), [0]);
    expect(outcomes).toEqual([{ kind: 'unconfirmable' }]);
  }
});
