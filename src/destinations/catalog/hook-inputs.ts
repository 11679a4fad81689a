import { checkCatalogSettings, defaultsOf } from './check-settings.ts';
import { holds } from './conditions.ts';
import type { Hook } from './document.ts';
import type { Fault } from './fault.ts';

type Inputs = Readonly<Record<string, unknown>>;

/** Checks what a hook is to be run with, as it can be checked without its service. @returns what is wrong; paths begin in the inputs */
export function checkHookInputs({ inputs }: Hook, given: Inputs): Fault[] {
  const authentication = { scheme: 'none', tests: false, refreshes: false } as const;
  return checkCatalogSettings({ settings: inputs, authentication }, given);
}

/** What a hook is run with: what was given, and what its form begins with where that shows the field. */
export function hookInputs({ inputs }: Hook, given: Inputs): Inputs {
  const complete = { ...defaultsOf(inputs), ...given };
  const shown = inputs.filter(
    ({ name, dependsOn }) =>
      Object.hasOwn(given, name) || dependsOn === undefined || holds(dependsOn, complete) === true,
  );
  const having = shown.filter(({ name }) => complete[name] !== undefined);
  return Object.fromEntries(having.map(({ name }) => [name, complete[name]]));
}
