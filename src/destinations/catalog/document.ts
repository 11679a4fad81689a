import type { ReplayProfile } from '../replay-profile.ts';
import type { Category } from './categories.ts';
import type { ComputedProfile } from './compute-profile.ts';
import type { Readiness } from './readiness.ts';

/** One condition on another field: `value` absent means that the field has no value (`is`) or any (`is_not`). */
interface Condition {
  /** The name of a field, `object.property`, or `__segment_internal_sync_mode`. */
  readonly field: string;
  readonly operator: 'is' | 'is_not';
  readonly value?: unknown;
}

/** When a field is needed, or shown. */
export interface Conditions {
  readonly match: 'all' | 'any';
  readonly conditions: readonly Condition[];
}

export interface Choice {
  readonly value: string | number | boolean;
  readonly label: string;
}

/** A setting of a definition, or a field of what an action sends. What is absent is not so, or not said. */
export interface Field {
  readonly name: string;
  readonly type: 'string' | 'text' | 'number' | 'integer' | 'datetime' | 'boolean' | 'password' | 'object';
  readonly label: string;
  readonly description: string;
  readonly required?: true | Conditions;
  readonly dependsOn?: Conditions;
  readonly secret?: true;
  readonly default?: unknown;
  readonly choices?: readonly Choice[];
  /** A list of such values. */
  readonly multiple?: true;
  readonly nullable?: true;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
  readonly placeholder?: string;
  readonly category?: string;
  /** How a form shows an object. */
  readonly form?: string;
  /** Forms do not show it. */
  readonly hidden?: true;
  readonly readOnly?: true;
  /** It is Reprise's own: the definition has no such field, and is not given it. */
  readonly ours?: true;
  /** The destination itself can list what to choose from. */
  readonly dynamic?: true;
  /** Of an object: the members that are known. */
  readonly fields?: readonly Field[];
  /** Of an object: it takes other members as well. */
  readonly open?: true;
}

/** How an action takes several events at once. */
export interface Batch {
  /** Values of these fields have to be alike within a batch. */
  readonly keys: readonly string[];
  readonly defaultSize: number | null;
  readonly maximumSize: number | null;
  /** How large a batch may become, where the definition says so. */
  readonly maximumBytes: number | null;
  /** Whether it is used where the mapping does not say so by `enable_batching`. */
  readonly enabledByDefault: boolean;
}

export interface Hook {
  readonly name: string;
  readonly label: string;
  readonly inputs: readonly Field[];
  /** The action can send nothing without what this hook, or another one that is needed, saved. */
  readonly needed?: true;
}

export interface SyncMode {
  readonly label: string;
  readonly default: string;
  readonly choices: readonly Choice[];
}

/** What somebody would notice who did not expect an event of last year: told by names, so it may err. */
export type SideEffect = 'message' | 'deletion';

export interface CatalogAction {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** FQL that a form begins with; null when the definition has none. */
  readonly trigger: string | null;
  readonly hidden?: true;
  readonly batch: Batch | null;
  readonly syncMode: SyncMode | null;
  readonly hooks: readonly Hook[];
  /**
   * Names of fields, `object.property`, whose choices the destination itself lists. `object.__keys__`: the names that
   * its members may have; `object.__values__`: the values of any of them.
   */
  readonly dynamicFields: readonly string[];
  readonly sideEffects: readonly SideEffect[];
  readonly fields: readonly Field[];
}

/** An action as a new destination begins with it. */
export interface CatalogPreset {
  readonly name: string;
  readonly action: string;
  /** FQL; null takes every event. */
  readonly trigger: string | null;
  readonly mapping: Readonly<Record<string, unknown>>;
  /** What the package itself maps wrongly there: members that it drops, values that it refuses for every event. */
  readonly faults?: readonly string[];
}

/** A preset for what only Segment's own audience and journey features emit; it is not applied. */
export interface EventPreset {
  readonly name: string;
  readonly action: string;
  readonly event: string;
  readonly mapping: Readonly<Record<string, unknown>>;
}

export interface Audience {
  readonly mode: 'realtime' | 'synced';
  /** The whole audience is sent at every sync. */
  readonly full: boolean;
  readonly creates: boolean;
  readonly settings: readonly Field[];
}

export interface Authentication {
  readonly scheme: 'none' | 'custom' | 'basic' | 'oauth2' | 'oauth-managed';
  /** The definition can tell whether credentials are good. */
  readonly tests: boolean;
  /** The definition can fetch a new access token. */
  readonly refreshes: boolean;
}

/** How a definition reaches its service. */
export interface Connections {
  /** false: some of its requests do not go through the client that the catalog shares. */
  readonly shared: boolean;
  /** What it connects by instead: packages, or `createRequestClient` for a client of its own making. */
  readonly by: readonly string[];
}

/** A definition, as far as it can be known without running it. */
export interface DescribedDefinition {
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly category: Category | null;
  /** The id that Segment's own API knows it by; null for a type of our own. */
  readonly segmentId: string | null;
  /** Its folder in the package, or the absolute path of the file of a deployment's own; null for a type of our own. */
  readonly folder: string | null;
  readonly authentication: Authentication;
  readonly settings: readonly Field[];
  readonly audience: Audience | null;
  /** It can delete a person on request. */
  readonly deletesPeople: boolean;
  readonly connections: Connections;
  /** Environment variables that its code reads: secrets of Segment itself, mostly. */
  readonly environment: readonly string[];
  readonly features: readonly string[];
  /** It tells how each event of a batch fared. */
  readonly multiStatus: boolean;
  /** Why it can never be connected here; null when nothing stands in the way. */
  readonly obstacle: string | null;
  readonly actions: readonly CatalogAction[];
  readonly presets: readonly CatalogPreset[];
  readonly eventPresets: readonly EventPreset[];
}

/** What a replay can and cannot do at a destination. */
export interface ReplayKnowledge {
  readonly readiness: Readiness;
  readonly explanation: readonly string[];
  /** null: nobody wrote one. */
  readonly profile: ReplayProfile | null;
  /** null: a type of our own, whose events go out as they are. */
  readonly computed: ComputedProfile | null;
}

/** An entry of the generated index. */
export interface CatalogDocument extends DescribedDefinition {
  readonly replay: ReplayKnowledge;
}
