import { batchSizeField, batchingField } from './batching-fields.ts';
import { checkMapping } from './check-mapping.ts';
import { categoryOf } from './categories.ts';
import { describeFields, describeSettings, withSyncMode } from './describe-field.ts';
import type {
  Audience,
  Batch,
  CatalogAction,
  CatalogPreset,
  DescribedDefinition,
  Field,
  SyncMode,
} from './document.ts';
import { neededHooks } from './needed-hooks.ts';
import { obstacleOf } from './obstacles.ts';
import type { PackageAction, PackageDefinition, PackagePreset } from './package-definition.ts';
import type { CodeFacts } from './scan-code.ts';
import { sideEffectsOf } from './side-effects.ts';

/** Where a definition stands: a folder of the package, or the absolute path of a file of the deployment's own. */
export interface PackagePlace {
  readonly segmentId: string | null;
  readonly folder: string;
}

/** @see https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html */
const awsEnvironment = [
  'AWS_ACCESS_KEY_ID',
  'AWS_CONFIG_FILE',
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_KINESIS',
  'AWS_ENDPOINT_URL_S3',
  'AWS_ENDPOINT_URL_STS',
  'AWS_PROFILE',
  'AWS_REGION',
  'AWS_ROLE_ARN',
  'AWS_ROLE_SESSION_NAME',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
];

/** Everything about a definition that can be known without running it. */
export function describe(
  definition: PackageDefinition,
  { segmentId, folder }: PackagePlace,
  code: CodeFacts,
): DescribedDefinition {
  const { slug: type, authentication = {} } = definition;
  const actions = Object.entries(definition.actions).map(([name, action]) =>
    describeAction(type, name, action),
  );
  return {
    type,
    title: definition.name,
    description: definition.description?.trim() ?? '',
    category: categoryOf(folder),
    segmentId,
    folder,
    authentication: {
      scheme: authentication.scheme ?? 'none',
      tests: authentication.testAuthentication !== undefined,
      refreshes: authentication.refreshAccessToken !== undefined,
    },
    settings: describeSettings(authentication.fields),
    audience: describeAudience(definition),
    deletesPeople: definition.onDelete !== undefined,
    connections: { shared: code.connectsBy.length === 0, by: code.connectsBy },
    environment: environmentOf(code),
    features: code.features,
    multiStatus: code.multiStatus,
    obstacle: obstacleOf(type),
    actions,
    ...describePresets(definition.presets ?? [], actions),
  };
}

/** Beside what its own code reads: what the clients that it takes the deployment's credentials for are set up by. */
function environmentOf({ environment, connectsBy }: CodeFacts): readonly string[] {
  const isAws = connectsBy.includes('@aws-sdk/client-sts');
  return isAws ? [...new Set([...environment, ...awsEnvironment])].toSorted() : environment;
}

function describeAudience({ audienceConfig, audienceFields }: PackageDefinition): Audience | null {
  if (audienceConfig === undefined) return null;
  const { mode, createAudience } = audienceConfig;
  return {
    mode: mode.type,
    full: mode.full_audience_sync === true,
    creates: createAudience !== undefined,
    settings: describeSettings(audienceFields),
  };
}

function describeAction(type: string, name: string, action: PackageAction): CatalogAction {
  const batches = action.performBatch !== undefined;
  const fields = batches ? withBatching(describeFields(action.fields)) : describeFields(action.fields);
  return {
    name,
    title: action.title,
    description: action.description?.trim() ?? '',
    trigger: action.defaultSubscription ?? null,
    ...(action.hidden === true && { hidden: true }),
    batch: batches ? describeBatch(fields) : null,
    syncMode: describeSyncMode(action.syncMode),
    hooks: Object.entries(action.hooks ?? {}).map(([hook, { label, inputFields }]) => ({
      name: hook,
      label,
      inputs: describeFields(inputFields),
      ...(neededHooks(type, name).includes(hook) && { needed: true as const }),
    })),
    dynamicFields: dynamicNames(action.dynamicFields ?? {}),
    sideEffects: sideEffectsOf(type, name),
    fields,
  };
}

/**
 * One file has one of each: events whose mapping makes others of these belong into another file. And one request of
 * Emarsys, whose definition sends one for each and tells of all together.
 */
const requestFields = [
  'sftp_folder_path',
  'filename_prefix',
  'file_extension',
  'delimiter',
  'key_field',
  'eventid',
  'contactlistid',
];

/** Actions that can batch do so when they are told to: the field for it is the platform's where a definition has none. */
function withBatching(fields: readonly Field[]): readonly Field[] {
  if (!fields.some(({ name }) => name === batchingField)) {
    return [...fields, { name: batchingField, type: 'boolean', ...ownBatching, default: false }];
  }
  return fields.map((field) =>
    field.name === batchingField ? { ...field, default: field.default ?? false } : field,
  );
}

const ownBatching = {
  label: 'Enable batching',
  description: 'Several events go in one request.',
  ours: true,
} as const;

/** The package says how it batches by fields of the mapping that have these names. */
function describeBatch(fields: readonly Field[]): Batch {
  const named = (name: string) => fields.find((field) => field.name === name);
  const size = named(batchSizeField);
  const keys = named('batch_keys')?.default;
  const bytes = named('batch_bytes');
  return {
    keys: Array.isArray(keys) ? keys.map(String) : requestFields.filter((name) => named(name) !== undefined),
    defaultSize: typeof size?.default === 'number' ? size.default : null,
    maximumSize: size?.maximum ?? null,
    maximumBytes: bytes?.maximum ?? (typeof bytes?.default === 'number' ? bytes.default : null),
    enabledByDefault: named(batchingField)?.default === true,
  };
}

function describeSyncMode(syncMode: PackageAction['syncMode']): SyncMode | null {
  if (syncMode === undefined) return null;
  const choices = syncMode.choices.map(({ value, label }) => ({ value, label }));
  return { label: syncMode.label, default: syncMode.default, choices };
}

function dynamicNames(dynamic: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(dynamic).flatMap(([name, below]) =>
    typeof below === 'object' && below !== null
      ? Object.keys(below).map((member) => `${name}.${member}`)
      : [name],
  );
}

/** Presets of parts that run in a browser are left out: they name actions that the package does not have. */
function describePresets(presets: readonly PackagePreset[], actions: readonly CatalogAction[]) {
  const known = presets.flatMap((preset) => {
    const action = actions.find(({ name }) => name === preset.partnerAction);
    return action === undefined ? [] : [{ preset, action }];
  });
  return {
    presets: known
      .filter(({ preset }) => preset.type === 'automatic')
      .map(({ preset, action }) => describePreset(preset, action)),
    eventPresets: known
      .filter(({ preset }) => preset.type === 'specificEvent')
      .map(({ preset: { name, partnerAction, eventSlug = '', mapping = {} } }) => ({
        name,
        action: partnerAction,
        event: eventSlug,
        mapping,
      })),
  };
}

function describePreset(
  { name, subscribe, mapping: given = {} }: PackagePreset,
  action: CatalogAction,
): CatalogPreset {
  const mapping = withSyncMode(given, action.syncMode);
  if (subscribe === undefined) throw new Error(`the preset "${name}" has no trigger`);
  const faults = checkMapping(action, mapping).map(({ path, problem }) => `${path.join('/')}: ${problem}`);
  return { name, action: action.name, trigger: subscribe, mapping, ...(faults.length > 0 && { faults }) };
}
