import { literalProblem } from './check-literal.ts';
import type { Batch, Field } from './document.ts';

/** The fields of a mapping by which it says how events are gathered, as all definitions of the package name them. */
export const batchingField = 'enable_batching';
export const batchSizeField = 'batch_size';

/** Batches of who does not say how many events he takes have so many, and no batch has more than the second. */
const usualBatch = 100;
const largestBatch = 1_000;

/** How many events one call takes: as the mapping says, within what the definition and Reprise bear. */
export function batchSizeOf(batch: Batch, mapping: Readonly<Record<string, unknown>>): number {
  if (!isOn(mapping[batchingField], batch.enabledByDefault)) return 1;
  const size = sizeIn(mapping[batchSizeField]) ?? sizeIn(batch.defaultSize) ?? usualBatch;
  return Math.max(1, Math.min(size, batch.maximumSize ?? largestBatch, largestBatch));
}

/** A form that was left empty leaves an empty text. */
function isOn(said: unknown, byDefault: boolean): boolean {
  return said === undefined || said === null || said === '' ? byDefault : said === true || said === 'true';
}

/** A number of events; null where none is said. Definitions that have no size of their own begin with 0. */
function sizeIn(said: unknown): number | null {
  const size = typeof said === 'string' ? Number(said) : said;
  return typeof size === 'number' && Number.isInteger(size) && size > 0 ? size : null;
}

/**
 * What is wrong with a value of a field of the mapping that says how events are gathered, or null. It is read before any
 * event is, so it cannot be found in one; and a size is a number of events, or 0 where the definition itself begins with
 * it: as many as is usual.
 * @param value not absent
 */
export function batchingProblem(field: Field, value: unknown): string | null {
  const { name } = field;
  if (name !== batchingField && name !== batchSizeField) return null;
  if (typeof value === 'object') return 'Expected the value itself: batches are made before events are read.';
  const problem = literalProblem(field, value);
  if (problem !== null || name === batchingField) return problem;
  const isZero = Number(value) === 0 && field.default === 0;
  return isZero || sizeIn(value) !== null ? null : 'Expected a whole number, at least 1.';
}
