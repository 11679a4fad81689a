import type { ItemErrors } from '../replay-profile.ts';
import type { Answer } from '../http-attempt.ts';

/**
 * What an answer of 2xx says of each item of its request, by the shape that the destination's profile knows.
 * @param items how many the request had
 * @returns for each item why it was not taken, null where it was; null when the answer does not tell items apart
 */
export function refusedItems(
  rule: ItemErrors,
  answer: Answer,
  items: number,
): readonly (string | null)[] | null {
  if (answer.kind !== 'answered' || answer.head.status < 200 || answer.head.status > 299) return null;
  const told = at(parsed(answer.body), rule.list);
  if (!Array.isArray(told)) return null;
  return rule.kind === 'failed_items' ? byIndex(rule, told, items) : inOrder(rule, told, items);
}

type Rule<Kind extends ItemErrors['kind']> = Extract<ItemErrors, { kind: Kind }>;

function byIndex(
  rule: Rule<'failed_items'>,
  told: readonly unknown[],
  items: number,
): readonly (string | null)[] | null {
  const refused = Array.from({ length: items }, (): string | null => null);
  for (const one of told) {
    const index = at(one, [rule.index]);
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= items) return null;
    refused[index] ??= reason(one, rule.reason);
  }
  return refused;
}

function inOrder(
  rule: Rule<'every_item'>,
  told: readonly unknown[],
  items: number,
): readonly (string | null)[] | null {
  if (told.length !== items) return null;
  return told.map((one) => {
    const errors = at(one, rule.errors);
    return Array.isArray(errors) && errors.length > 0 ? reason(errors[0], rule.reason) : null;
  });
}

/** The texts of these members, those that are there. */
function reason(error: unknown, members: readonly string[]): string {
  const texts = members.map((name) => at(error, [name])).filter((text) => typeof text === 'string');
  return texts.length === 0 ? 'The destination gives no reason.' : texts.join(': ');
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

function at(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[name];
  }
  return found;
}
