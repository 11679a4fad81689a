import type { DestinationRecord } from '../db/destinations.ts';
import { unallowedEffects } from '../destinations/catalog/refused-effects.ts';
import { problem, type Problem } from './problem.ts';

/** What the refused can do instead of allowing it. */
const otherwise = {
  replay: 'leave these actions out: {"actions": [those that are to be used]}',
  retry: 'take up other dead letters, by `errorClass`, `replayId` or `ids` of `POST /api/dead-letters/retry`',
} as const;

/**
 * The refusal of a replay whose actions would reach people, or take something away, and that does not say that it may;
 * null: nothing stands in its way.
 * @param allowed actions by what they do, id or name
 */
export function unwantedSideEffects(
  { type, actions }: Pick<DestinationRecord, 'type' | 'actions'>,
  allowed: readonly string[],
  of: keyof typeof otherwise = 'replay',
): Problem | null {
  const effects = unallowedEffects(type, actions, allowed);
  if (effects.length === 0) return null;
  const known = shownNames(actions, effects);
  const names = [...known.keys()].map((name) => JSON.stringify(name)).join(', ');
  const errors = [...known].map(([name, text]) => ({
    pointer: '/allowSideEffects',
    detail: `${name}: ${text.replace(/\.$/, '')}.`,
  }));
  const detail = `Events of the past would set off what nobody can take back. Name what may be used all the same, {"allowSideEffects": [${names}]}, or ${otherwise[of]}.`;
  return problem('side_effects', detail, { errors });
}

type Action = DestinationRecord['actions'][number];
type Effects = ReturnType<typeof unallowedEffects<Action>>;

/** What each is called: what it does, or its own name where another action that does the same is harmless. */
function shownNames(actions: readonly Action[], effects: Effects): ReadonlyMap<string, string> {
  const harmful = new Set(effects.map(({ one }) => one.id));
  const shared = new Set(actions.filter(({ id }) => !harmful.has(id)).map(({ action }) => action));
  return new Map(effects.map(({ one, text }) => [shared.has(one.action) ? one.name : one.action!, text]));
}
