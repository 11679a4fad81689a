import type { CatalogAction, DescribedDefinition } from './document.ts';
import { removingFields } from './removals.ts';

/** Where an action takes its time from by default. */
export type TimeOrigin = 'event' | 'arrival' | 'none';

/** What the definition's own mapping says of one action that can be set off by a track, page or screen call. */
export interface ComputedAction {
  readonly action: string;
  readonly time: TimeOrigin;
  /** The messageId is sent, by which a destination may know an event again. */
  readonly messageId: boolean;
}

/** What can be known of replays from a definition alone: its default mappings, its batches, its names. */
export interface ComputedProfile {
  readonly eventActions: readonly ComputedAction[];
  readonly batching: readonly string[];
  readonly messages: readonly string[];
  readonly deletions: readonly string[];
  /** Those that take something away when their mapping says so. */
  readonly deletionsByMapping: readonly ComputedRemoval[];
}

/** One field by which the mapping of an action can make it take something away; null: its sync mode. */
export interface ComputedRemoval {
  readonly action: string;
  readonly field: string | null;
  readonly values: readonly (string | number | boolean)[];
}

/** Reads a definition for what it does with events of the past. */
export function computeProfile({ actions }: Pick<DescribedDefinition, 'actions'>): ComputedProfile {
  const named = (isMeant: (action: CatalogAction) => boolean) =>
    actions.filter(isMeant).map(({ name }) => name);
  return {
    eventActions: actions.filter(isEventLike).map(computeAction),
    batching: named(({ batch }) => batch !== null),
    messages: named(({ sideEffects }) => sideEffects.includes('message')),
    deletions: named(({ sideEffects }) => sideEffects.includes('deletion')),
    deletionsByMapping: actions.flatMap((action) =>
      removingFields(action).map((removing) => ({ action: action.name, ...removing })),
    ),
  };
}

/** The mapping that an action has when nobody changes it. */
export function defaultMapping({ fields }: Pick<CatalogAction, 'fields'>): Record<string, unknown> {
  const defaults = fields.filter((field) => field.default !== undefined);
  return Object.fromEntries(defaults.map((field) => [field.name, field.default]));
}

function isEventLike({ trigger }: CatalogAction): boolean {
  return trigger !== null && /type\s*=\s*["'](track|page|screen)["']|\bevent\s*=/.test(trigger);
}

function computeAction(action: CatalogAction): ComputedAction {
  const read = pathsIn(defaultMapping(action));
  const reads = (...names: string[]) => names.some((name) => read.has(name));
  // The event as a whole carries all that is in it.
  const whole = reads('$', '');
  const ofEvent = whole || reads('timestamp', 'originalTimestamp');
  const time = ofEvent ? 'event' : reads('receivedAt') ? 'arrival' : 'none';
  return { action: action.name, time, messageId: whole || reads('messageId') };
}

/** The members of an event that a mapping reads, without `$.`. */
function pathsIn(value: unknown, found = new Set<string>()): Set<string> {
  if (Array.isArray(value)) for (const item of value) pathsIn(item, found);
  else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      if (name === '@path' && typeof member === 'string') found.add(member.replace(/^\$\.?/, ''));
      if ((name === '@template' || name === '@liquid') && typeof member === 'string') {
        for (const [, path = ''] of member.matchAll(/\{\{+\s*([\w.$]+)/g))
          found.add(path.replace(/^\$\./, ''));
      }
      pathsIn(member, found);
    }
  }
  return found;
}
