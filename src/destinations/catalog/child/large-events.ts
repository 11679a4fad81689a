import type { ItemResult, JobResult } from '../protocol.ts';

/** What a mapping makes of an event. */
type Transform = (event: unknown) => unknown;

/**
 * Runs what takes events with those alone that are not larger than their service takes, so that one that is costs its
 * neighbours nothing. An event's size is that of what its mapping makes of it, as JSON in UTF-8.
 */
export async function withoutLarge(
  events: readonly unknown[],
  { limit, transform }: { readonly limit: number; readonly transform: Transform },
  run: (events: readonly unknown[]) => Promise<JobResult>,
): Promise<JobResult> {
  const sizes = events.map((event) => sizeOf(event, transform));
  const places = sizes.map((_, place) => place);
  const large = places.filter((place) => sizes[place]! > limit);
  if (large.length === 0) return await run(events);
  const items = large.map((place): ItemResult => refusal(sizes[place]!, limit));
  const refused = { places: large, result: { kind: 'each', items }, silent: true } as const;
  const rest = places.filter((place) => sizes[place]! <= limit);
  if (rest.length === 0) return refused.result;
  const result = await run(rest.map((place) => events[place]));
  if (result.kind === 'each') {
    const told = new Map([...large, ...rest].map((place, at) => [place, [...items, ...result.items][at]!]));
    return { kind: 'each', items: places.map((place) => told.get(place)!) };
  }
  const groups = result.kind === 'groups' ? result.groups : [{ places: rest.map((_, at) => at), result }];
  const placed = groups.map((group) => ({ ...group, places: group.places.map((at) => rest[at]!) }));
  return { kind: 'groups', groups: [...placed, refused] };
}

function sizeOf(event: unknown, transform: Transform): number {
  try {
    return Buffer.byteLength(JSON.stringify(transform(event)) ?? '');
  } catch {
    return 0; // what is wrong with the mapping is told by who runs it
  }
}

function refusal(size: number, limit: number): ItemResult {
  const message = `The mapping makes ${size} bytes of the event, and the service takes ${limit}.`;
  return { status: 413, code: 'EVENT_TOO_LARGE', message };
}
