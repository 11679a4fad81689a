import { isDistinctive, leastLength, patternOf } from '../named-person.ts';
import type { Token } from './tokens.ts';
import { withOtherValues } from './values.ts';

/** Fields whose values are ids of people. */
const ofPeople = /^(?:userId|anonymousId)$/;

/**
 * A filter that names somebody by what is left of him, so that it goes on taking what is left of his events and says no
 * more who he was. Texts that it compares ids with, and longer ones elsewhere that name him; what cannot be read is as
 * it was.
 */
export function renamedFql(text: string, id: string, pseudonym: string): string {
  const renaming = { id, pseudonym };
  return withOtherValues(text, (value, field) => otherValue(value, renaming, ofPeople.test(field))) ?? text;
}

interface Renaming {
  readonly id: string;
  readonly pseudonym: string;
}

/** What stands in place of a value; null: it stays. Numbers name nobody. */
function otherValue(token: Token, { id, pseudonym }: Renaming, isId: boolean): string | null {
  if (token.kind === 'number') return null;
  const value = token.kind === 'text' ? token.value : token.text;
  if (value === id && (isId || id.length >= leastLength)) return JSON.stringify(pseudonym);
  if (!isDistinctive(id)) return null;
  const other = value.replaceAll(patternOf(id), () => pseudonym);
  if (other === value) return null;
  const quote = token.text[0] === "'" ? "'" : '"';
  return `${quote}${other}${quote}`;
}

/** Members of what a run keeps that are filters. */
const filters = new Set(['fql', 'filter']);

/** The same of every filter within what a run keeps of its request. */
export function renamedFilters(value: unknown, id: string, pseudonym: string): unknown {
  if (Array.isArray(value)) return value.map((item) => renamedFilters(item, id, pseudonym));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => {
    const isFilter = filters.has(name) && typeof member === 'string';
    return [name, isFilter ? renamedFql(member, id, pseudonym) : renamedFilters(member, id, pseudonym)];
  });
  return Object.fromEntries(members) as Record<string, unknown>;
}
