/**
 * What is asked of a definition's own code by whoever sets a destination up, beside the events that go through it.
 */
export type Question = FieldQuestion | HookQuestion | AudienceQuestion;

/** What can be chosen for a field: the definition asks its service. */
export interface FieldQuestion {
  readonly kind: 'choices';
  /** The definition's name for what an action does. */
  readonly action: string;
  /** As the framework names it: `name`, `object.member`, `list.[0].member`, `object.__keys__`. */
  readonly field: string;
  /** The hook whose input it is; null: it is a field of the mapping. */
  readonly hook: string | null;
  /** What the mapping, or the hook's inputs, have so far. */
  readonly payload: Readonly<Record<string, unknown>>;
  readonly page?: string;
  readonly query?: string;
}

/** What a hook makes at the service when a mapping is saved. */
export interface HookQuestion {
  readonly kind: 'hook';
  readonly action: string;
  readonly hook: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** What hooks saved with the version before, by their names. */
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** An audience at the service: makes one, or asks for one that is there. */
export interface AudienceQuestion {
  readonly kind: 'audience';
  readonly key: string;
  readonly computationId: string | null;
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Of one that is there; null: it is to be made. */
  readonly externalId: string | null;
}

/** A definition's answer in plain values, or why there is none, in words for a person and without secrets. */
export type Told =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string };
