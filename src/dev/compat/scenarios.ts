import { isDeepStrictEqual } from 'node:util';
import type { Archived } from './admin.ts';
import type { Call, ClientInput, ClientOutput } from './client.ts';
import type { Trouble } from './forwarder.ts';

/** Something that a client and the server must get right together. */
export interface Scenario {
  readonly name: string;
  readonly sequences: ClientInput['sequences'];
  readonly trouble?: Trouble;
  readonly flushAt?: number;
  /** The client is given a key that the server does not know. */
  readonly keyUnknown?: boolean;
  /** @returns what is wrong; null when nothing is */
  judge(archived: readonly Archived[], output: ClientOutput): string | null;
}

const userId = 'user-1';
const everyCall: Call[] = [
  { type: 'identify', userId, traits: { email: 'a@b.c', plan: 'premium' } },
  { type: 'track', userId, event: 'Order Completed', properties: { total: 12.5, items: [1, { a: null }] } },
  { type: 'page', userId, name: 'Home', properties: { url: 'https://shop.example/' } },
  { type: 'screen', userId, name: 'Start', properties: { dark: true } },
  { type: 'group', userId, groupId: 'company-1', traits: { seats: 5 } },
  { type: 'alias', userId: 'user-2', previousId: userId },
];
const oddTexts = ['é😀', '"quoted" \\ back', 'line\u2028end', '\u0000', '</script>', ''];
const oddCalls = oddTexts.map((text, index): Call => ({
  type: 'track',
  userId,
  event: `Odd ${index}`,
  properties: { text },
}));
const numbered = (count: number) =>
  Array.from({ length: count }, (_, n): Call => ({ type: 'track', userId, event: `Event ${n}` }));
const longAgo = '2020-02-29T12:00:00.000Z';

export const scenarios: readonly Scenario[] = [
  told('every kind of call arrives', everyCall),
  told('texts arrive as they are', oddCalls),
  told('many calls arrive, each once', numbered(120), { flushAt: 10 }),
  {
    name: 'calls of two stretches arrive in order',
    sequences: [
      { delayMs: 0, events: [{ type: 'track', userId, event: 'First' }] },
      { delayMs: 1_000, events: [{ type: 'track', userId, event: 'Second' }] },
    ],
    flushAt: 1,
    judge: (archived, output) =>
      failure(output) ??
      differs(
        ['First', 'Second'],
        archived.map(({ event }) => event),
      ),
  },
  {
    name: 'an old timestamp is kept',
    sequences: at([{ type: 'track', userId, event: 'Then', timestamp: longAgo }]),
    judge: (archived, output) =>
      failure(output) ??
      differs(
        [Date.parse(longAgo)],
        archived.map(({ timestamp, originalTimestamp }) =>
          Date.parse(String(originalTimestamp ?? timestamp)),
        ),
      ),
  },
  told('a connection that breaks loses nothing', numbered(5), { trouble: 'connection-lost' }),
  told('a lost answer doubles nothing', numbered(5), { trouble: 'answer-lost' }),
  {
    name: 'an unknown key is told to the caller',
    sequences: at(numbered(1)),
    keyUnknown: true,
    judge: (archived, output) => (output.success ? 'the client says that it sent it' : differs([], archived)),
  },
];

function at(events: readonly Call[]): ClientInput['sequences'] {
  return [{ delayMs: 0, events }];
}

/** Calls of which each is archived once with all that it said. */
function told(
  name: string,
  events: readonly Call[],
  how: Pick<Scenario, 'trouble' | 'flushAt'> = {},
): Scenario {
  return {
    name,
    sequences: at(events),
    ...how,
    judge: (archived, output) =>
      failure(output) ??
      (archived.length === events.length
        ? missing(archived, events)
        : `${archived.length} archived, ${events.length} called`),
  };
}

function failure({ success, error }: ClientOutput): string | null {
  return success ? null : `the client fails: ${error ?? 'it does not say why'}`;
}

function missing(archived: readonly Archived[], calls: readonly Call[]): string | null {
  const lost = calls.find((call) => !archived.some((event) => says(event, call)));
  return lost === undefined ? null : `not archived as called: ${JSON.stringify(lost)}`;
}

/** Whether an event says all that was called; clients add members of their own, some to `properties` as well. */
function says(event: unknown, call: unknown): boolean {
  if (typeof call !== 'object' || call === null || Array.isArray(call)) return isDeepStrictEqual(event, call);
  if (typeof event !== 'object' || event === null) return false;
  return Object.entries(call).every(([key, value]) => says((event as Archived)[key], value));
}

function differs(expected: unknown, found: unknown): string | null {
  if (isDeepStrictEqual(found, expected)) return null;
  return `expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`;
}
