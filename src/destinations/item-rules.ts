import { z } from 'zod';

const path = z.array(z.string()).readonly();
const member = z.array(z.string()).min(1).readonly();
/** Members of what failed that say why, or the ways to them. */
const reason = z
  .array(z.union([z.string(), member]))
  .min(1)
  .readonly();
/** Which requests' answers are read: a pattern that the path of their URL matches; absent: all. */
const at = z.exactOptional(z.string().refine((text) => isPattern(text), 'This is no regular expression.'));
const values = z
  .array(z.union([z.string(), z.number(), z.boolean()]))
  .min(1)
  .readonly();

/** A list of those that failed, each with its place in the request. */
const FailedItems = z.strictObject({
  kind: z.literal('failed_items'),
  at,
  list: member,
  /** The member that counts from 0. */
  index: z.string(),
  reason,
});

/** A list of all, in the order of the request. */
const EveryItem = z.strictObject({
  kind: z.literal('every_item'),
  at,
  /** An empty path: the answer itself. */
  list: path,
  /** Where the request has them. A request without them is not answered so; one with them has to be. */
  of: z.exactOptional(z.array(member).min(1).readonly()),
  /** Those that failed have a list of errors here. */
  errors: z.exactOptional(member),
  /** This member of those that were taken has one of the values. */
  status: z.exactOptional(z.strictObject({ member: z.string(), taken: values })),
  /** Those that failed are empty objects if the answer has this error, which says why. */
  blankFor: z.exactOptional(member),
  reason,
});

/** Values of those that failed, which are looked for in the request: in lists, or as the members of an object. */
const NamedValues = z.strictObject({
  kind: z.literal('named_values'),
  at,
  /** The lists of a request of several, one of which it has. */
  items: z.array(member).min(1).readonly(),
  /** How many failed; absent: it does not count them. */
  count: z.exactOptional(member),
  values: z
    .array(
      z.strictObject({
        /** The member of an item that they are values of; absent: of the item itself. */
        member: z.exactOptional(z.string()),
        /** Where the request says which member that is. */
        memberNamedBy: z.exactOptional(member),
        lists: z.array(member).min(1).readonly(),
      }),
    )
    .min(1)
    .readonly(),
});

/** A member that says how all of a request went. */
const WholeRequest = z.strictObject({
  kind: z.literal('whole_request'),
  at,
  success: member,
  /** Its values when the request was taken; absent: true. What is none of all these was refused. */
  taken: z.exactOptional(values),
  throttled: z.exactOptional(values),
  failed: z.exactOptional(values),
  /** Nothing is taken with these credentials. */
  down: z.exactOptional(values),
  /** An answer without it is none. */
  required: z.exactOptional(z.literal(true)),
  reason,
});

/** Failures that it tells of, but not of which items: a list of them, or their number. */
const Untold = z.strictObject({
  kind: z.literal('untold'),
  at,
  failures: member,
  /** Whether the same would be taken later; absent: it would not. */
  as: z.exactOptional(z.literal('failed')),
  reason,
});

/** Those that were taken, in one list, and errors with ids of those that were not in another. */
const Results = z.strictObject({
  kind: z.literal('results'),
  at,
  /** Where the request has them, and the member that is their id. */
  items: member,
  id: z.string(),
  taken: member,
  errors: member,
  /** The ids within an error. */
  ids: member,
  reason,
});

const ItemRule = z.discriminatedUnion('kind', [
  FailedItems,
  EveryItem,
  NamedValues,
  WholeRequest,
  Untold,
  Results,
]);

/** Where an answer of 2xx says what was not taken. */
export type ItemRule = z.output<typeof ItemRule>;

/** How answers of 2xx tell items of a request apart, in the ways in which one service does. */
export const ItemErrors = z.array(ItemRule).min(1).readonly();

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}
