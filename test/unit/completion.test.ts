import { expect, test } from 'vitest';
import { batchMembersOf } from '../../src/core/completed-event.ts';
import { completionOf } from '../../src/core/completion.ts';
import { eventOfText } from '../support/events.ts';

const source = '6c1f6e0a-8a4e-4d57-9d3b-0f6a4c1f2b7e';
const receivedAt = new Date('2026-11-22T09:30:00.000Z');

function told(text: string, more: Parameters<typeof eventOfText>[2] = {}) {
  const { raw, edits } = eventOfText(source, text, { receivedAt, newMessageId: () => 'made', ...more });
  return Object.fromEntries(completionOf(raw, edits).map(({ field, ...rest }) => [field, rest]));
}

const batchOf = (text: string) => {
  const bytes = Buffer.from(text);
  return batchMembersOf(bytes, { valueStart: 0, valueEnd: bytes.length, kind: 'object' });
};

const nothing = { sent: null, value: null, members: [] };

test('what a bare event lacks is told as absent', () => {
  expect(told('{"type":"track","event":"A","userId":"u"}')).toEqual({
    timestamp: { ...nothing, change: 'added', reason: 'absent', value: '"2026-11-22T09:30:00.000Z"' },
    messageId: { ...nothing, change: 'added', reason: 'absent', value: '"made"' },
    receivedAt: { ...nothing, change: 'added', reason: 'absent', value: '"2026-11-22T09:30:00.000Z"' },
  });
});

test('a time is told as corrected, rewritten or unusable, with what was sent', () => {
  const time = (text: string, sentAt: string | null = null) =>
    told(`{"type":"track","event":"A","userId":"u","messageId":"m","timestamp":${text}}`, {
      sentAt: sentAt === null ? null : new Date(sentAt),
    })['timestamp'];
  expect(time('"2026-11-22T09:00:00Z"')).toBeUndefined();
  expect(time('"2026-11-22T08:00:00Z"', '2026-11-22T08:30:00Z')).toMatchObject({
    change: 'replaced',
    reason: 'clock_skew',
    sent: '"2026-11-22T08:00:00Z"',
    value: '"2026-11-22T09:00:00.000Z"',
  });
  expect(time('"2026-11-22 09:00"')).toMatchObject({
    reason: 'other_form',
    value: '"2026-11-22T09:00:00.000Z"',
  });
  for (const unusable of ['"yesterday"', '17', 'null', '{"a":1}', '"2026-02-30"']) {
    expect(time(unusable)).toMatchObject({
      change: 'replaced',
      reason: 'unusable',
      sent: unusable,
      value: '"2026-11-22T09:30:00.000Z"',
    });
  }
});

test('a corrected time leaves the sender’s own beside', () => {
  const sent = '{"type":"track","event":"A","userId":"u","timestamp":"2026-11-22T08:00:00Z"}';
  expect(told(sent, { sentAt: new Date('2026-11-22T08:30:00Z') })['originalTimestamp']).toMatchObject({
    change: 'added',
    reason: 'sent_time',
    value: '"2026-11-22T08:00:00Z"',
  });
});

test('ids and times of arrival that cannot be used, and cut members', () => {
  const sent =
    '{"type":"track","event":"A","userId":"u","writeKey":"wk","messageId":12,"receivedAt":"soon","sentAt":"2026-11-22T09:30:00Z","messageId":{}}';
  expect(told(sent)).toMatchObject({
    writeKey: { change: 'removed', reason: 'write_key', sent: null, value: null },
    messageId: { change: 'replaced', reason: 'unusable', sent: '{}', value: '"made"' },
    receivedAt: { change: 'replaced', reason: 'unusable', sent: '"soon"' },
  });
  expect(told('{"type":"track","event":"A","userId":"u","messageId":12}')['messageId']).toMatchObject({
    reason: 'other_form',
    sent: '12',
    value: '"12"',
  });
});

test('what a batch gives is told by its members', () => {
  const batch = {
    context: batchOf('{"library":{"name":"l"},"ip":"1.2.3.4"}'),
    integrations: batchOf('{"All":false}'),
  };
  const own = '{"type":"track","event":"A","userId":"u","messageId":"m","context":{"ip":"9.9.9.9"}}';
  expect(told(own, { batch })).toMatchObject({
    context: { change: 'added', reason: 'batch', members: ['library'] },
    integrations: { change: 'added', reason: 'batch', members: ['All'] },
  });
  const without = own.replace('{"ip":"9.9.9.9"}', 'null');
  expect(told(without, { batch })['context']).toMatchObject({
    change: 'replaced',
    sent: 'null',
    members: ['library', 'ip'],
  });
  const empty = own.replace('{"ip":"9.9.9.9"}', '{}');
  expect(told(empty, { batch })['context']).toMatchObject({ change: 'added', members: ['library', 'ip'] });
});
