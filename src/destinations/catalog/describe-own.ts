import { z } from 'zod';
import type { DestinationDefinition } from '../definition.ts';
import type { Batch, DescribedDefinition, Field } from './document.ts';

interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly secret?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** A definition of our own as the index has those of the package, so that both are listed and read alike. */
export function describeOwn(definition: DestinationDefinition): DescribedDefinition {
  const { type, title, description, presetActions } = definition;
  const { properties = {}, required = [] } = z.toJSONSchema(definition.settings, { io: 'input' }) as {
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly required?: readonly string[];
  };
  const settings = Object.entries(properties).map(([name, schema]) =>
    describeSetting(name, schema, required.includes(name)),
  );
  return {
    type,
    title,
    description,
    category: 'data',
    segmentId: null,
    folder: null,
    authentication: { scheme: 'custom', tests: true, refreshes: false },
    settings,
    audience: null,
    deletesPeople: false,
    connections: { shared: true, by: [] },
    environment: [],
    features: [],
    multiStatus: false,
    obstacle: null,
    actions: presetActions.map(({ name }) => ({
      name,
      title: name,
      description: 'Every event as it is.',
      trigger: null,
      batch: batchOf(properties['batchSize']),
      syncMode: null,
      hooks: [],
      dynamicFields: [],
      sideEffects: [],
      fields: [],
    })),
    presets: presetActions.map(({ name, trigger, mapping }) => ({ name, action: name, trigger, mapping })),
    eventPresets: [],
  };
}

function describeSetting(
  name: string,
  { type = 'string', description = '', default: usual, secret, minimum, maximum }: JsonSchema,
  required: boolean,
): Field {
  return {
    name,
    type: fieldType(type),
    label: name,
    description,
    ...(required && { required: true }),
    ...(secret === true && { secret: true }),
    ...(usual !== undefined && { default: usual }),
    ...(minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER && { minimum }),
    ...(maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER && { maximum }),
  };
}

function fieldType(type: string): Field['type'] {
  if (type === 'integer' || type === 'number' || type === 'boolean' || type === 'object') return type;
  return 'string';
}

function batchOf(size: JsonSchema | undefined): Batch | null {
  if (size === undefined) return null;
  const defaultSize = typeof size.default === 'number' ? size.default : null;
  return {
    keys: [],
    defaultSize,
    maximumSize: size.maximum ?? null,
    maximumBytes: null,
    enabledByDefault: defaultSize !== null && defaultSize > 1,
  };
}
