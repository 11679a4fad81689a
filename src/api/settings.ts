import { checkSettings, type DestinationDefinition } from '../destinations/definition.ts';
import type { EgressAllow } from '../destinations/egress-address.ts';
import { open, seal, SealError, settingsPlace, type Keyring } from '../destinations/secrets.ts';
import { noSuchType } from '../destinations/catalog/nearest-type.ts';
import { catalogSummaries } from '../destinations/catalog/read.ts';
import { obstacleTo } from '../destinations/registry.ts';
import { pointerTo } from '../core/json-place.ts';
import { invalidBody } from './route.ts';
import { problem, type Problem } from './problem.ts';
import { validate } from './validation.ts';

type Settings = Readonly<Record<string, unknown>>;

/** Settings that can be stored, and those of them that were generated for their owner to see once. */
export interface PreparedSettings {
  readonly settings: Settings;
  readonly generated: Readonly<Record<string, string>>;
}

/** Completes settings with what the definition generates and checks them, addresses included. */
export function prepareSettings(
  definition: DestinationDefinition,
  asked: Settings,
  egress: EgressAllow,
): PreparedSettings | Problem {
  const absent = Object.entries(definition.generated).filter(([name]) => asked[name] === undefined);
  const generated = Object.fromEntries(absent.map(([name, make]) => [name, make()]));
  const complete = { ...asked, ...generated };
  const fields = validate(definition.settings, complete, ['settings']);
  if (!fields.ok) return invalidBody(fields.errors);
  const check = checkSettings(definition, complete, egress);
  if (check.ok) return { settings: check.settings, generated };
  return invalidBody(
    check.problems.map(({ path, problem }) => ({
      pointer: pointerTo(['settings', ...path]),
      detail: problem,
    })),
  );
}

/** Applies a JSON merge patch (RFC 7396): null takes a member away, objects merge, everything else replaces. */
export function mergeSettings(current: Settings, change: Settings): Settings {
  const merged = new Map(Object.entries(current));
  for (const [name, value] of Object.entries(change)) {
    const before = merged.get(name);
    if (value === null) merged.delete(name);
    else merged.set(name, isObject(value) ? mergeSettings(isObject(before) ? before : {}, value) : value);
  }
  return Object.fromEntries(merged);
}

const isObject = (value: unknown): value is Settings =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Settings as they are stored for one destination. */
export function sealSettings(settings: Settings, destinationId: string, keyring: Keyring): string {
  return seal(settings, settingsPlace(destinationId), keyring);
}

/** Reads stored settings; null when this server's key does not open them. */
export function openSettings(sealed: string, destinationId: string, keyring: Keyring): Settings | null {
  try {
    return open(sealed, settingsPlace(destinationId), keyring) as Settings;
  } catch (error) {
    if (error instanceof SealError) return null;
    throw error;
  }
}

/** The names of the settings that have a value: all that an answer says about them. */
export function namesOfSet(settings: Settings): string[] {
  const isSet = (value: unknown) =>
    value !== undefined && !(isObject(value) && Object.keys(value).length === 0);
  return Object.keys(settings).filter((name) => isSet(settings[name]));
}

/** The refusal of a destination type that the catalog does not have, or that cannot be connected. */
export function unknownType(type: string): Problem {
  const summary = catalogSummaries().find((one) => one.type === type);
  const obstacle = summary === undefined ? null : obstacleTo(summary);
  if (summary !== undefined && obstacle !== null) {
    const detail = `${summary.title} is in the catalog, but cannot be connected: ${obstacle} GET /api/catalog?connectable=true lists what can.`;
    return problem('not_connectable', detail, { errors: [{ pointer: '/type', detail }] });
  }
  return invalidBody([{ pointer: '/type', detail: noSuchType(type) }]);
}
