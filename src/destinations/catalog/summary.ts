import type { CatalogDocument } from './document.ts';

/** What a list shows of a definition, and finds it by. */
export interface CatalogSummary {
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly category: string | null;
  readonly segmentId: string;
  readonly folder: string;
  readonly authentication: CatalogDocument['authentication']['scheme'];
  /** How many of its actions take several events at once. */
  readonly batching: number;
  readonly actions: number;
  readonly obstacle: string | null;
}

/** Takes from a document what its list shows. */
export function summaryOf(document: CatalogDocument): CatalogSummary {
  const { type, title, description, category, segmentId, folder, authentication, actions, obstacle } =
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
    obstacle,
  };
}
