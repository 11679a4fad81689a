import { z } from 'zod';
import type { DestinationDefinition } from './definition.ts';
import { packageDestination } from './catalog/definition.ts';
import { readCatalogDocument } from './catalog/read.ts';
import { segment } from './segment.ts';
import { webhook } from './webhook.ts';

/** The definitions that stand in this repository; those of the package are described in `catalog/`. */
export const ownDefinitions: readonly DestinationDefinition[] = [webhook, segment];

const own = (type: string) => ownDefinitions.find((definition) => definition.type === type);

/** The definition of a type that can be connected; null when there is none, or nothing can be sent to it. */
export function loadDefinition(type: string): Promise<DestinationDefinition | null> {
  return Promise.resolve(own(type) ?? packageDefinition(type));
}

/** What is known of it is enough; its code is loaded by whoever runs it. */
function packageDefinition(type: string): DestinationDefinition | null {
  const document = readCatalogDocument(type);
  return document === null || obstacleTo(document) !== null ? null : packageDestination(document);
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
  return obstacle;
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
