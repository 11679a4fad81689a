import { expect, test } from 'vitest';
import { applyEdits, batchMembersOf } from '../../src/core/completed-event.ts';
import type { EventType } from '../../src/core/event.ts';
import { readEvent, type Arrival, type NewEvent } from '../../src/core/new-event.ts';
import { maxEventBytes } from '../../src/core/rejection.ts';

const arrival: Arrival = {
  sourceId: '0198c5a0-0000-7000-8000-000000000001',
  origin: 'tracking_api',
  receivedAt: new Date('2026-08-01T12:00:00.000Z'),
  live: true,
  sentAt: null,
  batch: { context: [], integrations: [] },
  integrations: undefined,
  newMessageId: () => 'made-here',
};

function read(text: string, type: EventType | null = null, more: Partial<Arrival> = {}) {
  return readEvent(JSON.parse(text), Buffer.from(text), type, { ...arrival, ...more });
}

function accepted(text: string, type: EventType | null = null, more: Partial<Arrival> = {}): NewEvent {
  const { event, rejected } = read(text, type, more);
  if (event === undefined) throw new Error(`rejected: ${rejected.code}`);
  return event;
}

const codeOf = (text: string, type: EventType | null = null) => read(text, type).rejected?.code ?? null;
const completed = (event: NewEvent) =>
  JSON.parse(Buffer.from(applyEdits(event.raw, event.edits)).toString()) as Record<string, unknown>;

test.each([
  ['[]', 'not_an_object'],
  ['null', 'not_an_object'],
  ['"track"', 'not_an_object'],
  ['7', 'not_an_object'],
  ['{}', 'unknown_type'],
  ['{"type":"Track","userId":"u","event":"e"}', 'unknown_type'],
  ['{"type":["track"],"userId":"u","event":"e"}', 'unknown_type'],
  ['{"type":"track","event":"e"}', 'no_user'],
  ['{"type":"track","event":"e","userId":"","anonymousId":null}', 'no_user'],
  ['{"type":"track","event":"e","userId":{"id":1}}', 'no_user'],
  ['{"type":"track","userId":"u"}', 'track_without_event'],
  ['{"type":"track","userId":"u","event":""}', 'track_without_event'],
  ['{"type":"track","userId":"u","event":5}', 'track_without_event'],
  ['{"type":"alias","userId":"u"}', 'alias_without_previous_id'],
  ['{"type":"alias","userId":"u","previousId":""}', 'alias_without_previous_id'],
  ['{"type":"group","userId":"u"}', 'group_without_group_id'],
])('rejects %s as %s', (text, code) => {
  expect(codeOf(text)).toBe(code);
});

test.each([
  '{"type":"identify","userId":"u"}',
  '{"type":"identify","anonymousId":7}',
  '{"type":"identify","userId":0}',
  '{"type":"track","userId":"u","event":"e","properties":null}',
  '{"type":"track","userId":"u","event":"e","properties":[1,2]}',
  '{"type":"identify","userId":"u","traits":"tall"}',
  '{"type":"page","anonymousId":"a"}',
  '{"type":"screen","anonymousId":"a","name":7}',
  '{"type":"group","userId":"u","groupId":12}',
  '{"type":"alias","userId":"u","previousId":"a","unknown":{"kept":true}}',
])('takes %s', (text) => {
  expect(codeOf(text)).toBeNull();
});

test('counts bytes, with what the event takes over from its batch', () => {
  const filled = (length: number) => {
    const start = '{"type":"identify","userId":"u","traits":{"t":"';
    return `${start}${'é'.repeat((length - start.length - 3) / 2)}"}}`.padEnd(1);
  };
  const largest = filled(maxEventBytes);
  expect(Buffer.byteLength(largest)).toBe(maxEventBytes);
  expect(codeOf(largest)).toBeNull();
  expect(codeOf(filled(maxEventBytes + 2))).toBe('event_too_large');
  const context = Buffer.from('{"ip":"1.2.3.4"}');
  const batch = {
    context: batchMembersOf(context, { valueStart: 0, valueEnd: context.length, kind: 'object' }),
    integrations: [],
  };
  expect(read(largest, null, { batch }).rejected?.code).toBe('event_too_large');
});

test('the address says the type of a single call', () => {
  const event = accepted('{"type":"page","userId":"u","event":"e"}', 'track');
  expect(event.type).toBe('track');
  expect(completed(event)['type']).toBe('track');
  expect(completed(accepted('{"userId":"u","event":"e"}', 'track'))['type']).toBe('track');
});

test('fills the columns that delivery decides by', () => {
  const event = accepted(
    '{"type":"track","event":"Order Completed","userId":"u","anonymousId":"a","messageId":"m"}',
  );
  expect(event).toMatchObject({
    name: 'Order Completed',
    userId: 'u',
    anonymousId: 'a',
    messageId: 'm',
    live: true,
  });
  expect(accepted('{"type":"page","userId":"u","name":"Home","event":"no"}').name).toBe('Home');
  expect(accepted('{"type":"identify","userId":"u","name":"no"}').name).toBeNull();
});

test('an id that is a number becomes text without losing digits', () => {
  expect(accepted('{"type":"identify","userId":42}').userId).toBe('42');
  expect(accepted('{"type":"identify","userId":1,"userId" : 9007199254740993 }').userId).toBe(
    '9007199254740993',
  );
  const event = accepted('{"type":"identify","userId":"u","messageId":1e400}');
  expect(event.messageId).toBe('1e400');
  expect(completed(event)['messageId']).toBe('1e400');
});

test('makes a messageId where there is none that can be used', () => {
  for (const text of [
    '{"type":"identify","userId":"u"}',
    '{"type":"identify","userId":"u","messageId":null}',
    '{"type":"identify","userId":"u","messageId":""}',
    '{"type":"identify","userId":"u","messageId":{}}',
  ]) {
    const event = accepted(text);
    expect(event.messageId).toBe('made-here');
    expect(completed(event)['messageId']).toBe('made-here');
  }
});

test('an item’s own sentAt comes before its batch’s', () => {
  const text =
    '{"type":"identify","userId":"u","timestamp":"2026-08-01T10:00:00.000Z","sentAt":"2026-08-01T11:00:00.000Z"}';
  const batchSentAt = { sentAt: new Date('2026-08-01T11:30:00.000Z') };
  expect(accepted(text, null, batchSentAt).timestamp.toISOString()).toBe('2026-08-01T11:00:00.000Z');
  const without = text.replace(/,"sentAt":"[^"]*"/, '');
  const event = accepted(without, null, batchSentAt);
  expect(event.timestamp.toISOString()).toBe('2026-08-01T10:30:00.000Z');
  expect(event.sentAt?.toISOString()).toBe('2026-08-01T11:30:00.000Z');
  expect(completed(event)).toMatchObject({
    timestamp: '2026-08-01T10:30:00.000Z',
    originalTimestamp: '2026-08-01T10:00:00.000Z',
    receivedAt: '2026-08-01T12:00:00.000Z',
  });
  expect(accepted(text.replace(':00:00.000Z"}', 'x"}'), null, batchSentAt).sentAt?.toISOString()).toBe(
    '2026-08-01T11:30:00.000Z',
  );
});

test('imported history keeps its times', () => {
  const text =
    '{"type":"identify","userId":"u","timestamp":"2023-05-01T10:00:00.123456Z","sentAt":"2023-05-01T10:00:09Z","receivedAt":"2023-05-01T10:00:10Z"}';
  const event = accepted(text, null, { live: false, origin: 'import' });
  expect(event.receivedAt.toISOString()).toBe('2023-05-01T10:00:10.000Z');
  expect(event.timestamp.toISOString()).toBe('2023-05-01T10:00:00.123Z');
  expect(event.sentAt?.toISOString()).toBe('2023-05-01T10:00:09.000Z');
  expect(completed(event)).toMatchObject({
    timestamp: '2023-05-01T10:00:00.123456Z',
    receivedAt: '2023-05-01T10:00:10Z',
  });
  const bare = accepted('{"type":"identify","userId":"u"}', null, { live: false });
  expect(bare.receivedAt).toEqual(arrival.receivedAt);
  expect(bare.timestamp).toEqual(arrival.receivedAt);
});

test.each([
  ['{}', undefined, null],
  ['{"All":true}', undefined, null],
  ['null', undefined, null],
  ['true', { Webhook: false }, null],
  ['{"All":false}', undefined, '{"All":false}'],
  ['{"Webhook":{"a":1}}', { Webhook: false, All: false }, '{"Webhook":{"a":1},"All":false}'],
  ['null', { Webhook: false }, '{"Webhook":false}'],
])('integrations %s in a batch with %j say %j', (own, inherited, expected) => {
  const event = accepted(`{"type":"identify","userId":"u","integrations":${own}}`, null, {
    integrations: inherited,
  });
  const read = (text: string | null) => (text === null ? null : (JSON.parse(text) as unknown));
  expect(read(event.integrations)).toEqual(read(expected));
});

test('members named like those of every object are only members', () => {
  const text = '{"__proto__":{"userId":"evil"},"type":"identify","anonymousId":"a","constructor":1}';
  const event = accepted(text);
  expect(event.userId).toBeNull();
  expect(Object.hasOwn(completed(event), '__proto__')).toBe(true);
  expect(Buffer.from(event.raw).toString()).toBe(text);
});

test('a rejected event is kept with its messageId and its bytes', () => {
  const text = '{"type":"track","userId":"u","messageId":"m-1"}';
  const { rejected } = read(text);
  expect(rejected).toMatchObject({
    code: 'track_without_event',
    messageId: 'm-1',
    sourceId: arrival.sourceId,
  });
  expect(Buffer.from(rejected?.raw ?? []).toString()).toBe(text);
});
