import fc from 'fast-check';
import { anyJson, objectText, whitespace } from './json-text.ts';
import { sentEvent, sentTime, type SentBatch, type SentEvent } from './sent-event.ts';

/** An item of a batch: an event that has to be accepted, or JSON that is none. */
export type SentItem =
  | { readonly text: string; readonly event: SentEvent }
  | { readonly text: string; readonly code: 'not_an_object' | 'unknown_type' };

/** A batch's text, with what it is made of. */
export interface SentBody {
  readonly text: string;
  readonly items: readonly SentItem[];
  readonly says: SentBatch;
}

const item: fc.Arbitrary<SentItem> = fc.oneof(
  { weight: 4, arbitrary: sentEvent.map((event) => ({ text: event.text, event })) },
  {
    weight: 1,
    arbitrary: anyJson.map(({ text, kind }) => ({
      text,
      code: kind === 'object' ? ('unknown_type' as const) : ('not_an_object' as const),
    })),
  },
);
const inherited = fc.option(fc.oneof(anyJson, objectText(anyJson, ['library', 'ip', 'page', '\ud800', 'é'])));
const names = ['batch', 'context', 'integrations', 'sentAt'];

/** Whole bodies of batches, each messageId once, with members that later ones of the same name overrule. */
export const sentBody: fc.Arbitrary<SentBody> = fc
  .record({
    items: fc.uniqueArray(item, {
      maxLength: 6,
      selector: (one) => ('event' in one ? (one.event.messageId ?? {}) : {}),
    }),
    sentAt: fc.option(sentTime),
    context: inherited,
    integrations: inherited,
    overruled: fc.array(fc.tuple(fc.constantFrom(...names), anyJson), { maxLength: 2 }),
    space: fc.array(whitespace, { minLength: 4, maxLength: 4 }),
    batchLast: fc.boolean(),
  })
  .map(({ items, sentAt, context, integrations, overruled, space, batchLast }) => {
    const [a = '', b = '', c = '', d = ''] = space;
    const batch: [string, string] = ['batch', `[${a}${items.map(({ text }) => text).join(`${b},${c}`)}${d}]`];
    const others: [string, string | undefined][] = [
      ['sentAt', sentAt?.text],
      ['context', context?.text],
      ['integrations', integrations?.text],
      ['sequence', '7'],
    ];
    const members = (batchLast ? [...others, batch] : [batch, ...others]).flatMap(([key, text]) =>
      text === undefined ? [] : [`"${key}"${b}:${c}${text}`],
    );
    const present = new Set(['batch', ...others.flatMap(([key, text]) => (text === undefined ? [] : [key]))]);
    const before = overruled.flatMap(([key, { text }]) => (present.has(key) ? [`"${key}":${text}`] : []));
    const text = `${d}{${a}${[...before, ...members].join(`${d},${b}`)}${c}}${a}`;
    return { text, items, says: { sentAt, context, integrations } };
  });
