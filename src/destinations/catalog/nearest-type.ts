import { nearestName } from '../../core/nearest-name.ts';
import { catalogSummaries } from './read.ts';

/**
 * The type that somebody most likely meant who asked for something else: by Segment's id, the folder in the package, the
 * name of the service, or a misspelling of one of these; null when nothing is near.
 */
export function nearestType(asked: string): string | null {
  const plain = simplified(asked);
  const summaries = catalogSummaries();
  const same = summaries.find(({ type, title, folder, segmentId }) =>
    [type, title, folder, segmentId].some((name) => name !== null && simplified(name) === plain),
  );
  if (same !== undefined) return same.type;
  const byName = new Map<string, string>();
  for (const { type, title, folder } of summaries) {
    // Types of our own come first, and keep their names.
    for (const name of [type, simplified(title), folder ?? type]) {
      if (!byName.has(name)) byName.set(name, type);
    }
  }
  const near = nearestName(plain, [...byName.keys()]) ?? nearestName(asked, [...byName.keys()]);
  return near === null ? null : (byName.get(near) ?? null);
}

/** Without what Segment adds to names. */
const simplified = (name: string) =>
  name
    .toLowerCase()
    .replace(/\(.*?\)/g, ' ')
    .trim()
    .replaceAll(/[^a-z\d]+/g, '-')
    .replaceAll(/^actions-|-actions$|^-|-$/g, '');

/** What is told of a type that the catalog does not have. */
export function noSuchType(asked: string): string {
  const near = nearestType(asked);
  const remedy = near === null ? 'GET /api/catalog lists all types.' : `Did you mean "${near}"?`;
  return `The catalog has no such type. ${remedy}`;
}
