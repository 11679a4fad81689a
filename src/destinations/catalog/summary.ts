import type { CatalogDocument } from './document.ts';

/** What a list shows of a definition, and finds it by. */
export interface CatalogSummary {
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly category: CatalogDocument['category'];
  readonly segmentId: string | null;
  readonly folder: string | null;
  readonly authentication: CatalogDocument['authentication']['scheme'];
  /** How many of its actions take several events at once. */
  readonly batching: number;
  readonly actions: number;
  readonly replay: CatalogDocument['replay']['readiness'];
  readonly obstacle: string | null;
}

/** Takes from a document what its list shows. */
export function summaryOf(document: CatalogDocument): CatalogSummary {
  const { type, title, description, category, segmentId, folder, authentication, actions, replay, obstacle } =
    document;
  return {
    type,
    title,
    description,
    category,
    segmentId,
    folder,
    authentication: authentication.scheme,
    batching: actions.filter(({ batch }) => batch !== null).length,
    actions: actions.length,
    replay: replay.readiness,
    obstacle,
  };
}
