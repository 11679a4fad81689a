import { z } from 'zod';
import type { DestinationDefinition } from './definition.ts';
import { segment } from './segment.ts';
import { webhook } from './webhook.ts';

/** The definitions that stand in this repository; those of the package are described in `catalog/`. */
export const ownDefinitions: readonly DestinationDefinition[] = [webhook, segment];

const own = (type: string) => ownDefinitions.find((definition) => definition.type === type);

/** The definition of a type that can be connected; null when there is none, or nothing can be sent to it. */
export function loadDefinition(type: string): Promise<DestinationDefinition | null> {
  return Promise.resolve(own(type) ?? null);
}

/** Why no destination of a type of the catalog can be connected, or null. */
export function obstacleTo({
  type,
  obstacle,
}: {
  readonly type: string;
  readonly obstacle: string | null;
}): string | null {
  if (own(type) !== undefined) return null;
  return obstacle ?? 'Reprise cannot send to it yet.';
}

/** The settings of a type that are generated when they are absent. */
export function generatedSettings(type: string): string[] {
  return Object.keys(own(type)?.generated ?? {});
}

/** The JSON Schema of a type's settings; null for one of the package, whose settings the index describes. */
export function settingsSchema(type: string): Record<string, unknown> | null {
  const definition = own(type);
  return definition === undefined ? null : { ...z.toJSONSchema(definition.settings, { io: 'input' }) };
}
