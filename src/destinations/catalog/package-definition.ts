// What the package's definitions look like, as far as Reprise reads them. Their own types are written for another
// compiler's settings, and would pull in everything that they import.

interface PackageCondition {
  readonly fieldKey?: string;
  readonly type?: 'field' | 'syncMode';
  readonly operator: 'is' | 'is_not';
  readonly value?: unknown;
}

export interface PackageConditions {
  readonly match?: 'all' | 'any';
  readonly conditions: readonly PackageCondition[];
}

export interface PackageField {
  readonly label: string;
  readonly description?: string;
  readonly type: 'string' | 'text' | 'number' | 'integer' | 'datetime' | 'boolean' | 'password' | 'object';
  readonly required?: boolean | PackageConditions;
  readonly depends_on?: PackageConditions;
  readonly default?: unknown;
  readonly choices?: readonly (
    string | { readonly value: string | number | boolean; readonly label: string }
  )[];
  readonly multiple?: boolean;
  readonly allowNull?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
  readonly placeholder?: string;
  readonly category?: string;
  readonly defaultObjectUI?: string;
  readonly unsafe_hidden?: boolean;
  readonly readOnly?: boolean;
  readonly dynamic?: unknown;
  readonly properties?: PackageFields;
  readonly additionalProperties?: boolean;
}

export type PackageFields = Readonly<Record<string, PackageField>>;

export interface PackageAction {
  readonly title: string;
  readonly description?: string;
  readonly defaultSubscription?: string;
  readonly hidden?: boolean;
  readonly fields?: PackageFields;
  readonly perform: unknown;
  readonly performBatch?: unknown;
  readonly syncMode?: {
    readonly label: string;
    readonly default: string;
    readonly choices: readonly { readonly value: string; readonly label: string }[];
  };
  readonly hooks?: Readonly<Record<string, { readonly label: string; readonly inputFields?: PackageFields }>>;
  readonly dynamicFields?: Readonly<Record<string, unknown>>;
}

export interface PackagePreset {
  readonly name: string;
  readonly type: 'automatic' | 'specificEvent';
  readonly partnerAction: string;
  readonly subscribe?: string;
  readonly eventSlug?: string;
  readonly mapping?: Readonly<Record<string, unknown>>;
}

/** A definition as the package exports it. */
export interface PackageDefinition {
  readonly name: string;
  readonly slug: string;
  readonly mode: string;
  readonly description?: string;
  readonly authentication?: {
    readonly scheme?: 'custom' | 'basic' | 'oauth2' | 'oauth-managed';
    readonly fields?: PackageFields;
    readonly testAuthentication?: unknown;
    readonly refreshAccessToken?: unknown;
  };
  readonly audienceFields?: PackageFields;
  readonly audienceConfig?: {
    readonly mode: { readonly type: 'realtime' | 'synced'; readonly full_audience_sync?: boolean };
    readonly createAudience?: unknown;
  };
  readonly onDelete?: unknown;
  readonly presets?: readonly PackagePreset[];
  readonly actions: Readonly<Record<string, PackageAction>>;
}
