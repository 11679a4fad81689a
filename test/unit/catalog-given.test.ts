import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { Given, Taken } from '../../src/destinations/catalog/given.ts';
import { Outbox } from '../../src/destinations/catalog/outbox.ts';
import type { Job, ToChild } from '../../src/destinations/catalog/protocol.ts';

const jobWith = (id: number, account: Job['account'], mapping: Readonly<Record<string, unknown>>): Job => ({
  id,
  account,
  work: { kind: 'one', action: { type: 'send', mapping }, event: `{"id":${id}}` },
});

/** Both sides, with nothing between them. */
function bothSides() {
  const posted: ToChild[] = [];
  const taken = new Taken();
  const given = new Given((message) => {
    posted.push(message);
    if (message.kind === 'given') taken.take(message);
  });
  return { posted, over: (job: Job) => taken.jobOf(given.referred(job)) };
}

describe('what jobs share', () => {
  test('goes to a child once, and each job arrives as it was', () => {
    const { posted, over } = bothSides();
    const account = { folder: 'webhook', settings: { key: 'k' } };
    const mapping = { url: { '@path': '$.url' } };
    for (const id of [1, 2, 3])
      expect(over(jobWith(id, account, mapping))).toEqual(jobWith(id, account, mapping));
    expect(posted).toHaveLength(2);
  });

  test('is another one when a token was renewed', () => {
    const { over } = bothSides();
    const mapping = { a: 1 };
    const before = { folder: 'f', settings: {}, auth: { accessToken: 'old' } };
    const after = { ...before, auth: { accessToken: 'new' } };
    over(jobWith(1, before, mapping));
    expect(over(jobWith(2, after, mapping)).account).toEqual(after);
    expect(over(jobWith(3, before, mapping)).account).toEqual(before);
  });

  test('stays right when there is more of it than a child keeps', () => {
    const { over } = bothSides();
    const accounts = Array.from({ length: 700 }, (_, n) => ({ folder: `f${n}`, settings: { n } }));
    const mapping = { a: 1 };
    for (const _ of [1, 2])
      for (const [id, account] of accounts.entries())
        expect(over(jobWith(id, account, mapping))).toEqual(jobWith(id, account, mapping));
  });

  test('has settings that one job writes into for itself alone', () => {
    const { over } = bothSides();
    const account = { folder: 'f', settings: { id: '1-2', nested: { a: 1 } } };
    const first = over(jobWith(1, account, {})).account.settings as { id: string; nested: { a: number } };
    first.id = '12';
    first.nested.a = 2;
    expect(over(jobWith(2, account, {})).account).toEqual(account);
  });
});

describe('messages', () => {
  test('of one turn leave together, in their order, and none twice', async () => {
    const sent: (readonly number[])[] = [];
    const outbox = new Outbox<number>((messages) => sent.push(messages));
    outbox.post(1);
    await Promise.resolve();
    outbox.post(2);
    expect(sent).toEqual([]);
    const turn = new EventTarget();
    setImmediate(() => turn.dispatchEvent(new Event('over')));
    await once(turn, 'over');
    outbox.post(3);
    outbox.flush();
    outbox.flush();
    expect(sent).toEqual([[1, 2], [3]]);
  });
});
