import type { Audience } from '../../../core/audience.ts';
import { isObject } from '../conditions.ts';

/**
 * An event with what the service knows its audience by, where it names one and does not say so itself: mappings look for
 * it in `context.personas`, where Segment's own platform puts it.
 */
export function withAudience(event: unknown, audiences: readonly Audience[]): unknown {
  const personas = personasOf(event);
  if (personas === null) return event;
  const { computation_key: key, computation_id: id } = personas;
  const audience = audiences.find((one) => one.key === key || (id !== undefined && one.computationId === id));
  if (audience === undefined) return event;
  const known = { external_audience_id: audience.externalId, audience_settings: audience.settings };
  const own = Object.entries(personas).filter(([, value]) => value !== undefined && value !== null);
  const { context } = event as { readonly context: object };
  return {
    ...(event as object),
    context: { ...context, personas: { ...personas, ...known, ...Object.fromEntries(own) } },
  };
}

/** Tells events apart whose audiences differ: the framework takes the settings of a batch's first event for all. */
export function audienceOf(event: unknown): readonly unknown[] {
  const personas = personasOf(event) ?? {};
  return ['computation_key', 'computation_id', 'external_audience_id', 'audience_settings'].map(
    (name) => personas[name] ?? null,
  );
}

function personasOf(event: unknown): Readonly<Record<string, unknown>> | null {
  if (!isObject(event) || !isObject(event['context'])) return null;
  const { personas } = event['context'];
  return isObject(personas) ? personas : null;
}
