import type { DestinationDefinition } from './definition.ts';
import { segment } from './segment.ts';
import { webhook } from './webhook.ts';

/** What the catalog lists before a definition is loaded. */
export interface CatalogEntry {
  readonly type: string;
  readonly title: string;
  readonly description: string;
}

const own: readonly DestinationDefinition[] = [webhook, segment];

/** Every destination type that can be connected. */
export const catalog: readonly CatalogEntry[] = own.map(({ type, title, description }) => ({
  type,
  title,
  description,
}));

/** The definition of a type, loaded on first use; null when the catalog has no such type. */
export function loadDefinition(type: string): Promise<DestinationDefinition | null> {
  return Promise.resolve(own.find((definition) => definition.type === type) ?? null);
}
