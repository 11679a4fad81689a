import type { z } from 'zod';
import { nearestName } from '../core/nearest-name.ts';
import type { ActionRecord } from '../db/destinations.ts';
import { checkMapping } from '../destinations/catalog/check-mapping.ts';
import { defaultMapping } from '../destinations/catalog/compute-profile.ts';
import { withSyncMode } from '../destinations/catalog/describe-field.ts';
import type { CatalogAction, CatalogDocument } from '../destinations/catalog/document.ts';
import { readCatalogDocument } from '../destinations/catalog/read.ts';
import { askedHooks, withEarlierOutputs, type PreparedAction } from './hooks.ts';
import { pointerTo } from '../core/json-place.ts';
import type { Problem } from './problem.ts';
import { invalidBody } from './route.ts';
import type { WantedAction } from './schemas/action.ts';

type Wanted = z.output<typeof WantedAction>;
interface Fault {
  readonly pointer: string;
  readonly detail: string;
}

/**
 * Actions as they can be stored: completed with what the definition suggests, or with what an action that stays had, and
 * checked against the definition. Hooks that they name are still to be run.
 * @param current those that the destination has
 */
export function prepareActions(
  type: string,
  wanted: readonly Wanted[],
  current: readonly ActionRecord[],
): PreparedAction[] | Problem {
  const document = readCatalogDocument(type);
  const faults: Fault[] = [];
  const actions = wanted.flatMap((action, index) => {
    const at = (path: readonly PropertyKey[], detail: string) =>
      faults.push({ pointer: pointerTo(['actions', index, ...path]), detail });
    const before = current.find(({ id }) => id === action.id);
    if (action.id !== undefined && before === undefined) {
      at(['id'], 'The destination has no such action. Leave the id out to add one.');
      return [];
    }
    const made =
      document === null || document.folder === null
        ? ownAction(action, before, at)
        : packageAction(document, action, before, at);
    return made === null ? [] : [made];
  });
  if (wanted.length === 0) faults.push({ pointer: '/actions', detail: 'Name at least one action.' });
  const ids = wanted.flatMap(({ id }) => id ?? []);
  if (new Set(ids).size < ids.length) {
    faults.push({ pointer: '/actions', detail: 'Each action may be named once.' });
  }
  return faults.length === 0 ? actions : invalidBody(faults);
}

type At = (path: readonly PropertyKey[], detail: string) => void;

/** Types of our own send the event as it is: which ones is all that can be chosen. */
function ownAction(wanted: Wanted, before: ActionRecord | undefined, at: At): PreparedAction | null {
  for (const name of ['action', 'mapping', 'hooks'] as const) {
    if (wanted[name] !== undefined) at([name], 'This type sends whole events. Leave it out.');
  }
  return {
    id: wanted.id ?? null,
    name: wanted.name ?? before?.name ?? 'Send event',
    action: null,
    trigger: wanted.trigger === undefined ? (before?.trigger ?? null) : wanted.trigger,
    mapping: {},
    hooks: [],
  };
}

function packageAction(
  document: CatalogDocument,
  wanted: Wanted,
  before: ActionRecord | undefined,
  at: At,
): PreparedAction | null {
  const name = wanted.action ?? before?.action ?? null;
  const known = document.actions.find((one) => one.name === name);
  if (known === undefined) {
    at(['action'], unknownAction(document, name));
    return null;
  }
  if (before !== undefined && before.action !== known.name) {
    at(['action'], 'What an action does stays. Add another action, and leave this one out.');
  }
  const given = wanted.mapping ?? before?.mapping ?? suggestedMapping(document, known);
  const mapping = withEarlierOutputs(given, before?.mapping, known.hooks, wanted.hooks);
  for (const { path, problem } of checkMapping(known, mapping)) at(['mapping', ...path], problem);
  return {
    id: wanted.id ?? null,
    name: wanted.name ?? before?.name ?? known.title,
    action: known.name,
    trigger:
      wanted.trigger === undefined ? (before === undefined ? known.trigger : before.trigger) : wanted.trigger,
    mapping,
    hooks: askedHooks(known, wanted.hooks, at),
  };
}

function unknownAction({ actions, title }: CatalogDocument, name: string | null): string {
  const names = actions.map((one) => one.name);
  const near = name === null ? null : nearestName(name, names);
  const remedy = near === null ? `It has: ${names.join(', ')}.` : `Did you mean "${near}"?`;
  return name === null
    ? `Name what it does. ${title} has: ${names.join(', ')}.`
    : `${title} has no such action. ${remedy}`;
}

/** A preset of the definition knows best; else what its fields begin with. */
function suggestedMapping({ presets }: CatalogDocument, action: CatalogAction) {
  const preset = presets.find((one) => one.action === action.name);
  if (preset !== undefined) return preset.mapping;
  return withSyncMode(defaultMapping(action), action.syncMode);
}
