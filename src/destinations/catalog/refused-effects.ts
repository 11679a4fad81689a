import { meansAction, type NamedAction } from '../../core/means-action.ts';
import { holds } from './conditions.ts';
import type { CatalogDocument } from './document.ts';
import { readCatalogDocument } from './read.ts';
import { removalsIn, type Removal } from './removals.ts';

/** An action as somebody has configured it. */
export interface ConfiguredAction {
  /** The definition's name for what it does. */
  readonly action: string;
  readonly mapping: Readonly<Record<string, unknown>>;
}

/** Kinds that nobody can take back; others are told, and do not keep a replay from starting. */
const refused: ReadonlySet<string> = new Set(['messages', 'deletions']);
const byName = {
  message: 'By its name it reaches people.',
  deletion: 'By its name it takes something away.',
} as const;

/**
 * What an action would do to people, or take away, if it were sent events of the past: a replay may not use it then unless
 * it is told so. Its type's profile says it, or its mapping, or its name. null: nothing of that kind.
 */
export function refusedEffect(
  { replay, actions }: Pick<CatalogDocument, 'replay' | 'actions'>,
  { action, mapping }: ConfiguredAction,
): string | null {
  const known = actions.find(({ name }) => name === action);
  if (known === undefined) return null;
  const [removal] = removalsIn(known, mapping);
  const [guessed] = known.sideEffects;
  return (
    writtenEffect(replay.profile, { action, mapping }) ??
    (removal === undefined ? null : removalText(removal)) ??
    (guessed === undefined ? null : byName[guessed])
  );
}

/** An action of a destination, in the version that would be used. */
export interface UsedAction extends NamedAction {
  readonly mapping: Readonly<Record<string, unknown>>;
}

/** Of the actions of a destination those that would do so and are not allowed by name, each with what it would do. */
export function unallowedEffects<Action extends UsedAction>(
  type: string,
  actions: readonly Action[],
  allowed: readonly string[],
): { readonly one: Action; readonly text: string }[] {
  const document = readCatalogDocument(type);
  if (document === null) return [];
  return actions.flatMap((one) => {
    const { action, mapping } = one;
    if (action === null || allowed.some((text) => meansAction(one, text))) return [];
    const text = refusedEffect(document, { action, mapping });
    return text === null ? [] : [{ one, text }];
  });
}

function writtenEffect(
  profile: CatalogDocument['replay']['profile'],
  { action, mapping }: ConfiguredAction,
): string | null {
  for (const { value } of profile?.sideEffects ?? []) {
    const { kind, actions, when, text } = value;
    if (!refused.has(kind) || actions?.includes(action) === false) continue;
    const isSo = when === undefined ? true : holds(when, mapping);
    if (isSo === true) return text;
    if (isSo === null) return `Its mapping leaves it to the event: ${text}`;
  }
  return null;
}

function removalText({ field, value, values }: Removal): string {
  if (field === null) return `Its sync mode is ${JSON.stringify(value)}: it takes something away.`;
  if (value !== null)
    return `Its mapping has ${JSON.stringify(value)} in the field ${field}: it takes something away.`;
  const all = values.map((one) => JSON.stringify(one)).join(' or ');
  return `Its mapping leaves the field ${field} to the event, which may say ${all}: it may take something away.`;
}
