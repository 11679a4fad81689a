import { isDeepStrictEqual } from 'node:util';
import { checkMapping } from '../destinations/catalog/check-mapping.ts';
import type { CatalogAction, Hook } from '../destinations/catalog/document.ts';
import { checkHookInputs, hookInputs } from '../destinations/catalog/hook-inputs.ts';
import { unknownMember } from '../destinations/catalog/fault.ts';
import type { DestinationDefinition, SenderContext } from '../destinations/definition.ts';
import type { WantedAction as StoredAction } from '../db/actions.ts';
import type { AuditNotes } from './audit/notes.ts';
import { pointerTo } from '../core/json-place.ts';
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

/** Where hooks are run, and what hears of each thing that one saved. */
export interface HookRun {
  readonly settings: unknown;
  readonly context: SenderContext;
  /** The account is another than the one in which they saved something before, so that it has nothing of that. */
  readonly newAccount: boolean;
  readonly notes: Pick<AuditNotes, 'savedByHook'>;
}

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
 * Runs the hooks of actions, one after another: each makes or finds something at the service. One whose action has what
 * it saved from the same inputs is not run again.
 * @param known the actions of the definition
 * @returns what they saved, or the refusal of the first that failed, with what those before it saved
 */
export async function runHooks(
  definition: DestinationDefinition,
  known: readonly CatalogAction[],
  actions: readonly PreparedAction[],
  run: HookRun,
): Promise<SavedByHooks | Problem> {
  const saved: Mapping[] = actions.map(() => ({}));
  for (const [index, action] of actions.entries()) {
    const described = known.find(({ name }) => name === action.action);
    for (const call of action.hooks) {
      const { name, inputs } = call;
      if (!run.newAccount && hasSavedFrom(action.mapping[name], inputs)) continue;
      if (described === undefined) throw new Error(`${name} is nobody's hook`);
      const pointer = pointerTo(['actions', index, 'hooks', name]);
      const refused = (detail: string) => tellingSaved(invalidBody([{ pointer, detail }]), saved);
      const told = await askHook(definition, described, call, { ...run, mapping: action.mapping });
      if (typeof told === 'string') return refused(told);
      const made = { ...saved[index], [name]: { inputs, outputs: told } };
      run.notes.savedByHook({ pointer: mappingOf(index), mapping: { [name]: made[name] } });
      const [fault] = checkMapping(described, { ...action.mapping, ...made });
      if (fault !== undefined) return refused(`What the hook saved cannot be kept: ${fault.problem}`);
      saved[index] = made;
    }
  }
  return saved;
}

/** @returns what the hook saved, or why it failed */
async function askHook(
  definition: DestinationDefinition,
  described: CatalogAction,
  { name, inputs }: HookCall,
  { settings, context, mapping }: Pick<HookRun, 'settings' | 'context'> & { readonly mapping: Mapping },
): Promise<object | string> {
  if (definition.ask === undefined) throw new Error(`${name} is nobody's hook`);
  const outputs = earlierOutputs(described, mapping);
  const question = { kind: 'hook', action: described.name, hook: name, inputs, outputs } as const;
  const told = await definition.ask(settings, context, question);
  if (!told.ok) return told.message;
  const { savedData } = (told.value ?? {}) as { readonly savedData?: unknown };
  return typeof savedData === 'object' && savedData !== null ? savedData : 'The hook saved nothing.';
}

/** Whether a member of a mapping is what a hook saved from these inputs. */
function hasSavedFrom(member: unknown, inputs: Inputs): boolean {
  if (typeof member !== 'object' || member === null || !('outputs' in member)) return false;
  return 'inputs' in member && isDeepStrictEqual(member.inputs, inputs);
}

const mappingOf = (index: number) => pointerTo(['actions', index, 'mapping']);

/** A refusal that came after hooks had run, with what they saved: it is at the service, and is not to be made again. */
export function tellingSaved(refused: Problem, saved: SavedByHooks): Problem {
  const kept = saved.flatMap((mapping, index) =>
    Object.keys(mapping).length === 0 ? [] : [{ pointer: mappingOf(index), mapping }],
  );
  if (kept.length === 0) return refused;
  const detail = `${refused.detail} Hooks had run by then, and what they made stays at the service: give \`savedByHooks\` back in the mappings, in place of the hooks, and it is used.`;
  return { ...refused, detail, members: { ...refused.members, savedByHooks: kept } };
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
