import type { ItemRule } from '../item-rules.ts';
import { at, isFilled, reasonOf, unclear, type ToldItems } from './item-reading.ts';

type Rule = Extract<ItemRule, { kind: 'every_item' }>;

/**
 * An answer that lists every item, in the order of the request.
 * @param items how many events the request stands for @param sent the request's list; absent: it is not known
 */
export function everyItem(
  rule: Rule,
  status: number,
  body: unknown,
  items: number,
  sent: readonly unknown[] | undefined,
): ToldItems | null {
  const told = at(body, rule.list);
  const error = rule.blankFor === undefined ? undefined : at(body, rule.blankFor);
  if (told === undefined) {
    if (error !== undefined && items === 1) return { refused: [reasonOf(error, rule.reason)], unclear: null };
    if (sent !== undefined) return unclear(items, 'The answer does not tell of items.');
    return status === 207 ? unclear(items, 'The answer tells of parts, and not of which.') : null;
  }
  if (!Array.isArray(told)) return unclear(items, 'The answer lists items in another shape.');
  const expected = sent?.length ?? items;
  if (told.length !== expected)
    return unclear(items, `The answer tells of ${told.length} items, and ${expected} were sent.`);
  const read = told.map((one: unknown) => readItem(rule, one, error));
  const refused = read.map((one) => (one === strange ? null : one));
  if (read.includes(strange)) return placed(refused, items, 'The answer tells of items in another shape.');
  return placed(refused, items, null);
}

const strange = Symbol('an item in another shape');

/** @returns why it was not taken, null: it was */
function readItem(rule: Rule, one: unknown, error: unknown): string | null | typeof strange {
  if (typeof one !== 'object' || one === null) return strange;
  if (error !== undefined && !isFilled(one)) return reasonOf(error, rule.reason);
  if (rule.errors !== undefined) {
    const errors = at(one, rule.errors);
    if (Array.isArray(errors)) return errors.length > 0 ? reasonOf(errors[0], rule.reason) : null;
    if (errors !== undefined && errors !== null) return strange;
  }
  if (rule.status === undefined) return null;
  const status = at(one, [rule.status.member]);
  if (typeof status !== 'string' && typeof status !== 'number' && typeof status !== 'boolean') return strange;
  return rule.status.taken.includes(status) ? null : `${status}: ${reasonOf(one, rule.reason)}`;
}

/** A definition that leaves events out of its request does not say which. */
function placed(refused: readonly (string | null)[], items: number, why: string | null): ToldItems {
  if (refused.length === items) return { refused, unclear: why };
  const isFine = why === null && refused.every((one) => one === null);
  const which = refused.find((one) => one !== null);
  const untold = why ?? `The answer does not say of which events it tells: ${which ?? ''}`;
  return { refused: Array.from({ length: items }, () => null), unclear: isFine ? null : untold };
}
