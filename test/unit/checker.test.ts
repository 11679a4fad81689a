import { expect, test } from 'vitest';
import { flawless, judge } from '../support/checker.ts';
import type { SinkLine, SourceLine } from '../support/ledger.ts';

const timestamp = '2026-11-24T08:00:00.000Z';

function sent(messageId: string, user = 'ann'): SourceLine {
  return {
    messageId,
    user,
    event: { type: 'track', messageId, userId: user, properties: { a: [1] }, timestamp },
  };
}

let seq = 0;

function arrived(line: SourceLine, more: Partial<SinkLine> = {}): SinkLine {
  const times = { timestamp, receivedAt: timestamp, originalTimestamp: timestamp };
  return {
    seq: ++seq,
    at: seq,
    answeredAt: seq,
    id: `id-${line.messageId}`,
    attempt: 1,
    messageId: line.messageId,
    userId: line.user,
    sha256: line.messageId,
    body: JSON.stringify({ ...line.event, ...times }),
    answer: 200,
    heard: true,
    ...more,
  };
}

const [first, second, third] = [sent('m1'), sent('m2'), sent('m3', 'bob')];

test('each event once and in order is flawless, also when the ledger has it in the order of the answers', () => {
  const lines = [first, second, third].map((line) => arrived(line));
  expect(judge([[first, second, third]], lines.toReversed())).toEqual(flawless);
});

test('an event is lost unless it was taken', () => {
  const lines = [arrived(first, { answer: 500 }), arrived(second)];
  expect(judge([[first, second, third]], lines)).toEqual({ ...flawless, lost: ['m1', 'm3'] });
});

test('a refused attempt is no duplicate, a second one that is taken is', () => {
  const lines = [arrived(first, { answer: 500 }), arrived(first, { attempt: 2 }), arrived(second)];
  expect(judge([[first, second]], lines)).toEqual(flawless);
  expect(judge([[first, second]], [...lines, arrived(second)])).toEqual({ ...flawless, duplicates: ['m2'] });
});

test('what nobody expected is a stranger', () => {
  expect(judge([[first]], [arrived(first), arrived(third)])).toEqual({ ...flawless, strangers: ['m3'] });
});

test('a user’s events keep their order within a phase, by when each was first taken', () => {
  const swapped = [arrived(second), arrived(first)];
  expect(judge([[first, second]], swapped)).toEqual({ ...flawless, outOfOrder: ['m2'] });
  expect(judge([[first], [second]], swapped)).toEqual(flawless);
  const refusedFirst = [arrived(first, { answer: 503 }), arrived(second), arrived(first)];
  expect(judge([[first, second]], refusedFirst)).toEqual({ ...flawless, outOfOrder: ['m2'] });
});

test('a body must have every member as it was sent, and its times', () => {
  const body = { ...first.event, properties: { a: [2] }, timestamp, originalTimestamp: 'other' };
  const lines = [arrived(first, { body: JSON.stringify(body) })];
  expect(judge([[first]], lines)).toEqual({
    ...flawless,
    altered: ['m1: properties', 'm1: originalTimestamp', 'm1: receivedAt'],
  });
});

test('all attempts of a delivery have the same id and bytes, and no other delivery has that id', () => {
  const refused = (more: Partial<SinkLine>) => arrived(first, { answer: 500, ...more });
  const unstable = (lines: SinkLine[]) => judge([[first, second]], lines).unstable;
  expect(unstable([refused({}), arrived(first), arrived(second)])).toEqual([]);
  expect(unstable([refused({ id: 'x' }), arrived(first), arrived(second)])).toEqual(['m1']);
  expect(unstable([refused({ sha256: 'x' }), arrived(first), arrived(second)])).toEqual(['m1']);
  expect(unstable([arrived(first), arrived(second, { id: 'id-m1' })])).toEqual(['id-m1']);
});
