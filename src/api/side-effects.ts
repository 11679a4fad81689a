import type { DestinationRecord } from '../db/destinations.ts';
import { readCatalogDocument } from '../destinations/catalog/read.ts';
import { sideEffectsOf } from '../destinations/catalog/replay-rules.ts';
import { meansAction } from './named-actions.ts';
import { problem, type Problem } from './problem.ts';

/**
 * The refusal of a replay whose actions would reach people, or take something away, and that does not say that it may;
 * null: nothing stands in its way.
 * @param allowed actions by what they do, id or name
 */
export function unwantedSideEffects(
  { type, actions }: Pick<DestinationRecord, 'type' | 'actions'>,
  allowed: readonly string[],
): Problem | null {
  const document = readCatalogDocument(type);
  if (document === null || document.folder === null) return null;
  const asked = actions
    .filter((one) => !allowed.some((text) => meansAction(one, text)))
    .flatMap(({ action }) => action ?? []);
  const effects = sideEffectsOf(document, [...new Set(asked)]);
  if (effects.length === 0) return null;
  const names = effects.map(({ action }) => JSON.stringify(action)).join(', ');
  const errors = effects.map(({ action, text }) => ({
    pointer: '/allowSideEffects',
    detail: `${action}: ${text.replace(/\.$/, '')}.`,
  }));
  const detail = `Events of the past would set off what nobody can take back. Name what may be used all the same, {"allowSideEffects": [${names}]}, or leave these actions out: {"actions": [those that are to be used]}.`;
  return problem('side_effects', detail, { errors });
}
