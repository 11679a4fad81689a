import type { EventType } from '../event.ts';

/** Fields that the archive's columns answer, so that no event has to be parsed for them. */
export const columnFields = [
  'type',
  'event',
  'name',
  'userId',
  'anonymousId',
  'messageId',
  'source',
] as const;
export type ColumnField = (typeof columnFields)[number];

/** Objects of the event's text, of which a path names a member. */
export const pathRoots = ['properties', 'traits', 'context'] as const;
export type PathRoot = (typeof pathRoots)[number];

/** What a condition asks about. */
export type Field =
  | { readonly kind: 'column'; readonly name: ColumnField }
  | { readonly kind: 'path'; readonly root: PathRoot; readonly path: readonly string[] };

export const orderings = ['<', '<=', '>', '>='] as const;
export type Ordering = (typeof orderings)[number];

/** How a text is looked into: `match` with a star at the end asks how it starts, with one at the start how it ends. */
export type TextTest = 'contains' | 'starts' | 'ends';

/** One condition over one field. */
export type Leaf =
  | {
      readonly kind: 'equals';
      readonly field: Field;
      readonly negated: boolean;
      /** null: absent, or null itself. */
      readonly value: string | number | boolean | null;
    }
  | { readonly kind: 'order'; readonly field: Field; readonly operator: Ordering; readonly value: number }
  | {
      readonly kind: 'text';
      readonly field: Field;
      readonly test: TextTest;
      readonly negated: boolean;
      readonly value: string;
    };

/** A filter in FQL as a tree. */
export type FqlTree = Leaf | { readonly kind: 'all' | 'any'; readonly parts: readonly FqlTree[] };

/** Whether columns alone decide a filter for every event. */
export function isOfColumns(tree: FqlTree): boolean {
  return 'parts' in tree ? tree.parts.every(isOfColumns) : tree.field.kind === 'column';
}

/** Whose name a call has: that of a track call is its `event`, that of a page or screen call its `name`. */
export function namedField(type: EventType): 'event' | 'name' | null {
  if (type === 'track') return 'event';
  return type === 'page' || type === 'screen' ? 'name' : null;
}
