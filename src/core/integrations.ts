/** What a replay does with what events say of the destinations that they are for. */
export const integrationsRules = ['honour', 'ignore'] as const;
export type IntegrationsRule = (typeof integrationsRules)[number];

/** The names by which an event may mean a destination, all compared exactly. */
export interface DestinationNames {
  readonly id: string;
  readonly name: string;
  readonly type: string;
}

/**
 * Whether an event is not meant for a destination. A member that names it decides, its id before its name before its
 * type: `false` is no, all else (`true`, or an object of options) is yes. Unnamed, `All` (or `all`) decides; without it
 * the event is for everyone. Source: segment-docs, connections/destination-data-control (flags are case sensitive);
 * Segment's Facade reads `all` as well.
 * @param integrations the completed event's member as JSON text of an object, null when it says nothing
 */
export function optsOut(integrations: string | null, { id, name, type }: DestinationNames): boolean {
  if (integrations === null) return false;
  const says = JSON.parse(integrations) as Record<string, unknown>;
  const member = [id, name, type, 'All', 'all'].find((key) => Object.hasOwn(says, key));
  return member !== undefined && says[member] === false;
}
