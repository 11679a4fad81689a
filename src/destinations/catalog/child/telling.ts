import type { PackageAction, PackageDefinition } from '../package-definition.ts';

/** Is told what a definition is run with, as JSON. */
export type Mapped = (payload: string) => void;

type Perform = (request: unknown, data: { readonly payload: unknown }) => unknown;

/** The definition, telling what each of its actions is run with: the payload after the framework has mapped and checked it. */
export function telling(definition: PackageDefinition, mapped: Mapped): PackageDefinition {
  const actions = Object.entries(definition.actions).map(
    ([name, action]) => [name, tellingAction(action, mapped)] as const,
  );
  return { ...definition, actions: Object.fromEntries(actions) };
}

function tellingAction(action: PackageAction, mapped: Mapped): PackageAction {
  const of = (name: 'perform' | 'performBatch'): Perform => {
    return (request, data) => {
      mapped(JSON.stringify(data.payload) ?? 'null');
      return (action[name] as Perform).call(action, request, data);
    };
  };
  return {
    ...action,
    perform: of('perform'),
    ...(action.performBatch !== undefined && { performBatch: of('performBatch') }),
  };
}
