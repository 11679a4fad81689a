import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventsOf, readCall, type ReceivedEvents } from '../../src/api/tracking/received.ts';
import { isRefusal } from '../../src/api/tracking/refusal.ts';
import { applyEdits } from '../../src/core/completed-event.ts';
import { eventTypes } from '../../src/core/event.ts';
import { anyJson, objectText } from '../support/json-text.ts';
import { sentBody } from '../support/sent-batch.ts';
import { checkKept, sentEvent } from '../support/sent-event.ts';

const source = {
  sourceId: '0198c5a0-0000-7000-8000-000000000001',
  name: 'test',
  origin: 'tracking_api' as const,
  blocked: false,
  eventsPerSecond: null,
  maxEventBytes: null,
};
const receivedAt = new Date('2026-08-01T12:00:00.123Z');

function received(call: Parameters<typeof readCall>[1], text: string): ReceivedEvents {
  const body = readCall(Buffer.from(text), call);
  const events = isRefusal(body) ? body : eventsOf(call, body, source, receivedAt);
  if (isRefusal(events)) throw new Error(`${events}: ${text}`);
  return events;
}

test('each event of a batch is kept byte for byte, and differs by its edits alone when it goes out', () => {
  fc.assert(
    fc.property(sentBody, ({ text, items, says }) => {
      const { events, rejected, rejectedAt } = received('batch', text);
      const good = items.flatMap((item) => ('event' in item ? [item.event] : []));
      const bad = items.flatMap((item, at) => ('event' in item ? [] : [{ ...item, at }]));
      expect(events).toHaveLength(good.length);
      good.forEach((sent, index) => checkKept(sent, says, events[index]!));
      expect(
        rejected.map(({ code, raw }, index) => [rejectedAt[index], code, Buffer.from(raw).toString()]),
      ).toEqual(bad.map(({ at, code, text }) => [at, code, text]));
    }),
    { numRuns: 1_500 },
  );
});

test('so is the event of a single call, whatever stands around it', () => {
  const alone = { sentAt: null, context: null, integrations: null };
  fc.assert(
    fc.property(sentEvent, fc.constantFrom('', ' ', '\n\t', '\ufeff', '\ufeff\r\n'), (sent, before) => {
      const { type } = JSON.parse(sent.text) as { type: (typeof eventTypes)[number] };
      const { events } = received(type, `${before}${sent.text}\n `);
      checkKept(sent, alone, events[0]!);
    }),
    { numRuns: 1_500 },
  );
});

test('an event without anything to edit goes out as it came, behind what the server has to say', () => {
  const free = objectText(anyJson, ['properties', 'traits', 'anonymousId', 'é', '\ud800'], 6);
  fc.assert(
    fc.property(free, ({ text }) => {
      const more = text.slice(1);
      fc.pre(!/^\s*}/.test(more));
      const rest = `"type" : "identify","messageId":"m\\u0000" ,"userId":"u", ${more}`;
      const raw = `{${rest}`;
      const { events } = received('batch', `{"batch":[${raw}]}`);
      fc.pre(events.length === 1); // unless an odd key of the generator overruled one of these
      const at = receivedAt.toISOString();
      const [event] = events;
      expect(Buffer.from(applyEdits(event!.raw, event!.edits)).toString()).toBe(
        `{"timestamp":"${at}","receivedAt":"${at}",${rest}`,
      );
    }),
    { numRuns: 1_000 },
  );
});
