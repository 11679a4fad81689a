import { checkMapping } from '../destinations/catalog/check-mapping.ts';
import type { CatalogAction, Hook } from '../destinations/catalog/document.ts';
import { checkHookInputs, hookInputs } from '../destinations/catalog/hook-inputs.ts';
import { unknownMember } from '../destinations/catalog/fault.ts';
import type { DestinationDefinition, SenderContext } from '../destinations/definition.ts';
import type { WantedAction as StoredAction } from '../db/actions.ts';
import { pointerTo } from './json-place.ts';
import type { Problem } from './problem.ts';
import { invalidBody } from './route.ts';

type Inputs = Readonly<Record<string, unknown>>;
type Mapping = Readonly<Record<string, unknown>>;
type At = (path: readonly PropertyKey[], detail: string) => void;

/** A hook that is to be run before its action is stored. */
interface HookCall {
  readonly name: string;
  readonly inputs: Inputs;
}

/** An action that can be stored once its hooks have run. */
export interface PreparedAction extends StoredAction {
  readonly hooks: readonly HookCall[];
}

/** What hooks saved, by their names: the members that the mapping of each action gets, in the order of the actions. */
export type SavedByHooks = readonly Mapping[];

/** The hooks that an action asks for. @param at is told what is wrong with them */
export function askedHooks(
  { hooks: known }: Pick<CatalogAction, 'hooks'>,
  asked: Readonly<Record<string, Inputs | null>> = {},
  at: At,
): HookCall[] {
  return Object.entries(asked).flatMap(([name, given]) => {
    const hook = known.find((one) => one.name === name);
    if (hook === undefined) {
      const names = known.map((one) => one.name);
      const { path, problem } = unknownMember(['hooks'], name, names);
      at(path, names.length === 0 ? 'The action has no hooks. Leave it out.' : problem);
      return [];
    }
    if (given === null) return [];
    for (const { path, problem } of checkHookInputs(hook, given)) at(['hooks', name, ...path], problem);
    return [{ name, inputs: hookInputs(hook, given) }];
  });
}

/**
 * A mapping with what hooks saved for the version before: it stands among the mapping's members, as the framework has
 * it, and a new mapping does not lose it.
 * @param asked a hook that is null is forgotten
 */
export function withEarlierOutputs(
  mapping: Mapping,
  before: Mapping | undefined,
  hooks: readonly Pick<Hook, 'name'>[],
  asked: Readonly<Record<string, unknown>> = {},
): Mapping {
  const kept = { ...mapping };
  for (const { name } of hooks) {
    const earlier = before?.[name];
    if (asked[name] === null) delete kept[name];
    else if (kept[name] === undefined && earlier !== undefined) kept[name] = earlier;
  }
  return kept;
}

/**
 * Runs the hooks of actions, one after another: each makes or finds something at the service.
 * @param known the actions of the definition
 * @returns what they saved, or the refusal of the first that failed; what those before it made is there
 */
export async function runHooks(
  definition: DestinationDefinition,
  known: readonly CatalogAction[],
  actions: readonly PreparedAction[],
  { settings, context }: { readonly settings: unknown; readonly context: SenderContext },
): Promise<SavedByHooks | Problem> {
  const saved: Mapping[] = [];
  for (const [index, action] of actions.entries()) {
    const outputs: Record<string, unknown> = {};
    const described = known.find(({ name }) => name === action.action);
    for (const { name, inputs } of action.hooks) {
      const pointer = pointerTo(['actions', index, 'hooks', name]);
      const refused = (detail: string) => invalidBody([{ pointer, detail }]);
      if (definition.ask === undefined || described === undefined)
        throw new Error(`${name} is nobody's hook`);
      const earlier = earlierOutputs(described, action.mapping);
      const question = {
        kind: 'hook',
        action: described.name,
        hook: name,
        inputs,
        outputs: earlier,
      } as const;
      const told = await definition.ask(settings, context, question);
      if (!told.ok) return refused(told.message);
      const { savedData } = (told.value ?? {}) as { readonly savedData?: unknown };
      if (typeof savedData !== 'object' || savedData === null) return refused('The hook saved nothing.');
      outputs[name] = { inputs, outputs: savedData };
      const [fault] = checkMapping(described, { ...action.mapping, ...outputs });
      if (fault !== undefined) return refused(`What the hook saved cannot be kept: ${fault.problem}`);
    }
    saved.push(outputs);
  }
  return saved;
}

function earlierOutputs({ hooks }: CatalogAction, mapping: Mapping): Mapping {
  const having = hooks.filter(({ name }) => mapping[name] !== undefined);
  return Object.fromEntries(having.map(({ name }) => [name, mapping[name]]));
}

/** Actions as they are stored, with what their hooks saved. */
export function withSaved(actions: readonly PreparedAction[], saved: SavedByHooks): StoredAction[] {
  return actions.map((prepared, index) => {
    const { hooks: _, ...action } = prepared;
    return { ...action, mapping: { ...action.mapping, ...saved[index] } };
  });
}
