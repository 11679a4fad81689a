import { isDeepStrictEqual } from 'node:util';
import type { TimeRule } from '../../core/time-rule.ts';
import type { ReplayProfile } from '../replay-profile.ts';
import type { CatalogDocument, Field } from './document.ts';

type Profile = Pick<CatalogDocument, 'replay'>['replay']['profile'];

/** Something that a replay sends otherwise than the stream does. */
export interface Overlay {
  readonly kind: 'mapping' | 'setting' | 'feature';
  readonly name: string;
  readonly value: unknown;
  /** Only in requests whose events are all older; 0: in each. */
  readonly olderThanMs: number;
}

/** Which events a destination takes from the past, as its profile says; null: of any time. */
export function timeRuleOf(profile: Profile): TimeRule | null {
  if (profile === null) return null;
  const { maxAgeSeconds, earliest, maxFutureSeconds } = profile;
  const rule = {
    ...(maxAgeSeconds !== undefined && { maxAgeMs: maxAgeSeconds.value * 1_000 }),
    ...(earliest !== undefined && { earliestMs: Date.parse(earliest.value) }),
    ...(maxFutureSeconds !== undefined && { maxFutureMs: maxFutureSeconds.value * 1_000 }),
  };
  return Object.keys(rule).length === 0 ? null : rule;
}

/** What a replay sets for an action, the same for each of its events first, then by the age that it needs. */
export function overlaysOf(profile: Profile, action: string): readonly Overlay[] {
  if (profile === null) return [];
  return profile.overlays
    .map(({ value }) => value)
    .filter(({ actions }) => actions === undefined || actions.includes(action))
    .map(toOverlay)
    .toSorted((a, b) => a.olderThanMs - b.olderThanMs);
}

/** How a batch is made is said by fields of the mapping, too. */
function toOverlay({
  kind,
  name,
  value,
  olderThanSeconds = 0,
}: ReplayProfile['overlays'][number]['value']): Overlay {
  return { kind: kind === 'batching' ? 'mapping' : kind, name, value, olderThanMs: olderThanSeconds * 1_000 };
}

/**
 * Whether a success of an action says that events were taken.
 * @param batches whether several of its events may go into a request
 */
export function confirms(profile: Profile, action: string, batches: boolean): boolean {
  if (profile === null) return true;
  const isUnconfirmed = profile.unconfirmed.some(
    ({ value }) => value.actions?.includes(action) !== false && (value.batches !== true || batches),
  );
  return profile.confirmable?.value !== false && !isUnconfirmed;
}

interface Values {
  readonly mapping: Readonly<Record<string, unknown>>;
  readonly settings: Readonly<Record<string, unknown>>;
}

/**
 * The overlays that replace nothing which somebody has chosen: a field or setting that is there and not as by default
 * stays as it is.
 * @param fields those of the action and of the settings
 */
export function withoutChosen(
  overlays: readonly Overlay[],
  { mapping, settings }: Values,
  fields: { readonly mapping: readonly Field[]; readonly settings: readonly Field[] },
): readonly Overlay[] {
  return overlays.filter(({ kind, name }) => {
    if (kind === 'feature') return true;
    const current = (kind === 'mapping' ? mapping : settings)[name];
    const field = fields[kind === 'mapping' ? 'mapping' : 'settings'].find((one) => one.name === name);
    return current === undefined || current === '' || isDeepStrictEqual(current, field?.default);
  });
}

/** How many of the overlays count for an event of an age: they are sorted by it. */
export function overlaysFor(overlays: readonly Overlay[], ageMs: number): number {
  const first = overlays.findIndex(({ olderThanMs }) => olderThanMs > 0 && ageMs <= olderThanMs);
  return first === -1 ? overlays.length : first;
}

/** What some overlays of a kind set, over what there was. */
export function overlaid<T>(
  before: Readonly<Record<string, T>>,
  overlays: readonly Overlay[],
  kind: Overlay['kind'],
): Readonly<Record<string, T>> {
  const own = overlays.filter((overlay) => overlay.kind === kind);
  if (own.length === 0) return before;
  return { ...before, ...Object.fromEntries(own.map(({ name, value }) => [name, value as T])) };
}
