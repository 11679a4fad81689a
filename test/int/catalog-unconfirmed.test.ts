import { randomUUID } from 'node:crypto';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import type { Outcome } from '../../src/core/outcome.ts';
import { packageDestination } from '../../src/destinations/catalog/definition.ts';
import { readCatalogDocument } from '../../src/destinations/catalog/read.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { openInternet } from '../support/internet.ts';
import { loopback } from '../support/webhook-sender.ts';

// A service that takes everything, as a job where it is asked for one.
const internet = await openInternet(() => ({ status: 200, body: '{"id": "job-1", "job_id": "job-1"}' }));
afterAll(() => internet.close());

const settings = {
  'actions-salesforce': {
    instanceUrl: 'https://bees.my.salesforce.com',
    oauth: { accessToken: 'a-token' },
  },
  'actions-sendgrid': { sendGridApiKey: 'a-key' },
};
const contact = { operation: 'create', last_name: 'Bee' };
const contact2 = { __segment_internal_sync_mode: 'add', last_name: 'Bee' };
const person = { primary_email: { '@path': '$.traits.email' } };

test.each([
  ['actions-salesforce', 'contact', { ...contact, enable_batching: true }, 'unconfirmable'],
  ['actions-salesforce', 'contact', { ...contact, enable_batching: false }, 'delivered'],
  ['actions-salesforce', 'contact2', { ...contact2, enable_batching: true }, 'unconfirmable'],
  ['actions-salesforce', 'contact2', { ...contact2, enable_batching: false }, 'delivered'],
  ['actions-sendgrid', 'updateUserProfile', person, 'unconfirmable'],
] as const)(
  'what %s/%s %o takes is %s, in a replay as in the stream',
  async (type, action, mapping, kind) => {
    for (const replay of [false, true]) {
      const actionId = randomUUID();
      const sender = packageDestination(readCatalogDocument(type)!).open(settings[type], {
        egress: loopback,
        destinationId: randomUUID(),
        actions: [{ actionId, action, mapping }],
        replay,
      });
      onTestFinished(() => sender.close());
      let left = ['ann', 'bob'].map((userId) => {
        const traits = { email: `${userId}@example.com` };
        return deliveryOf(JSON.stringify({ type: 'identify', userId, messageId: randomUUID(), traits }), {
          actionId,
        });
      });
      const outcomes: Outcome[] = [];
      while (left.length > 0) {
        const some = await sender.send(left, openGate);
        outcomes.push(...some.filter((one) => one.kind !== 'notSent'));
        left = left.filter((_, index) => some[index]!.kind === 'notSent');
      }
      expect(
        outcomes.map((one) => one.kind),
        JSON.stringify(outcomes),
      ).toEqual([kind, kind]);
      // So counts what another holder of the lane had settled before it ended.
      expect(sender.confirms?.(actionId)).toBe(kind === 'delivered');
    }
  },
);
