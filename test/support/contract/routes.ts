import { readFql } from '../../../src/core/fql/read.ts';
import { defaultMapping } from '../../../src/destinations/catalog/compute-profile.ts';
import { withSyncMode } from '../../../src/destinations/catalog/describe-field.ts';
import type { CatalogAction, CatalogDocument } from '../../../src/destinations/catalog/document.ts';
import { takenBy, types } from './events.ts';

/** A way that events take through one action. */
export interface Route {
  readonly name: string;
  readonly action: CatalogAction;
  readonly trigger: string | null;
  readonly mapping: Readonly<Record<string, unknown>>;
}

/** What is driven: the presets, and each action that none of them uses, with its own trigger and mapping. */
export function routesOf({ presets, actions }: CatalogDocument): Route[] {
  const others = actions.filter(({ name }) => !presets.some(({ action }) => action === name));
  const routes = [
    ...presets,
    ...others.map((action) => ({
      name: action.title,
      action: action.name,
      trigger: action.trigger,
      mapping: withSyncMode(defaultMapping(action), action.syncMode),
    })),
  ];
  return routes.map(({ name, action, trigger, mapping }) => ({
    name,
    trigger,
    mapping,
    action: actions.find((one) => one.name === action)!,
  }));
}

/** What is not driven, with the trigger that is at fault: nobody can read it, or no made-up event fits it. */
export function notDriven(document: CatalogDocument): Readonly<Record<string, string>> {
  const fits = ({ trigger }: Route) =>
    trigger === null || (readFql(trigger).ok && types.some((type) => takenBy(trigger, type, 1) !== null));
  const routes = routesOf(document).filter((route) => !fits(route));
  return Object.fromEntries(routes.map(({ name, trigger }) => [name, trigger!]));
}

/** The names of the actions of a type, those that its presets use first. */
export const actionsOf = (document: CatalogDocument): readonly string[] => [
  ...new Set(routesOf(document).map(({ action }) => action.name)),
];
