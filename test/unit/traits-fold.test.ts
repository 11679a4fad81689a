import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyEdits, findEdits, noBatchMembers } from '../../src/core/completed-event.ts';
import type { ArchivedEvent } from '../../src/core/event.ts';
import { TraitsFold } from '../../src/core/traits-fold.ts';

const stamps = {
  timestamp: '2026-05-01T00:00:00.000Z',
  keepOriginal: false,
  receivedAt: null,
  messageId: 'm1',
  type: null,
};

/** An identify call as the archive has it. @param text its members in front of `type` */
function identify(text: string): ArchivedEvent {
  const raw = Buffer.from(`{${text}${text === '' ? '' : ','}"type":"identify","userId":"u"}`);
  const edits = JSON.stringify(findEdits(raw, noBatchMembers, stamps));
  return { raw, edits, type: 'identify', userId: 'u' } as unknown as ArchivedEvent;
}

const completed = ({ raw, edits }: ArchivedEvent) =>
  Buffer.from(applyEdits(raw, JSON.parse(edits))).toString();
const traitsOf = (event: ArchivedEvent) =>
  (JSON.parse(completed(event)) as { traits?: Record<string, unknown> }).traits;

/** Newest first. */
function foldOf(calls: readonly ArchivedEvent[], newer: readonly ArchivedEvent[] = []): TraitsFold {
  const fold = new TraitsFold();
  for (const call of newer) fold.keepOut(call);
  for (const call of calls) fold.add(call);
  return fold;
}

const key = fc.constantFrom('a', 'b', 'ü', '__proto__', 'plan"', 'a.b');
/** As JSON tells it: -0 is 0 there. */
const jsonValue = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const traits = fc.dictionary(key, jsonValue, { maxKeys: 4 });
const front = fc.constantFrom('', '"writeKey":"w",', '"sentAt":"2026-05-01T00:00:00Z",');

/** `{...older, ...newer}`, for any name of a key. */
function merged(list: readonly object[]): Map<string, unknown> {
  return new Map(list.flatMap((one) => Object.entries(one)));
}

test('each trait has its newest value, and what a newer call sets is left to it', () => {
  const lists = fc.tuple(
    fc.array(traits, { minLength: 1, maxLength: 4 }),
    fc.array(traits, { maxLength: 2 }),
    front,
  );
  fc.assert(
    fc.property(lists, ([calls, newer, start]) => {
      const events = calls.map((one) => identify(`${start}"traits":${JSON.stringify(one)}`));
      const newerEvents = newer.map((one) => identify(`"traits":${JSON.stringify(one)}`));
      const expected = merged(calls.toReversed());
      for (const name of newer.flatMap((one) => Object.keys(one))) expected.delete(name);
      const fold = foldOf(events, newerEvents);
      expect(fold.isEmpty).toBe(expected.size === 0);
      const event = fold.into(events[0]!);
      expect(merged([traitsOf(event)!])).toEqual(expected);
      // All else is as it was sent.
      const { traits: _, ...rest } = JSON.parse(completed(event)) as Record<string, unknown>;
      const { traits: __, ...before } = JSON.parse(completed(events[0]!)) as Record<string, unknown>;
      expect(rest).toEqual(before);
    }),
    { numRuns: 500 },
  );
});

test('values stay as they were sent, byte for byte', () => {
  const older = identify('"traits":{ "big":12345678901234567890, "spaced": [1 , 2] }');
  const newer = identify('"traits":{"price":1.50}');
  const event = foldOf([newer, older]).into(newer);
  expect(completed(event)).toContain('{"price":1.50,"big":12345678901234567890,"spaced": [1 , 2]}');
});

test('a call without traits gets those of the older ones, wherever its first member is cut', () => {
  const older = identify('"traits":{"plan":"pro"}');
  for (const text of ['', '"writeKey":"w"', '"traits":null', '"traits":"none"']) {
    const event = foldOf([identify(text), older]).into(identify(text));
    expect(JSON.parse(completed(event))).toEqual({
      type: 'identify',
      userId: 'u',
      timestamp: stamps.timestamp,
      messageId: 'm1',
      traits: { plan: 'pro' },
    });
  }
});

test('of a trait that stands twice in a call the last counts', () => {
  const older = identify('"traits":{"plan":"old"}');
  const twice = identify('"traits":{"plan":"free","plan":"pro"}');
  expect(traitsOf(foldOf([twice, older]).into(twice))).toEqual({ plan: 'pro' });
});
