/** An audience as a destination's service knows it, and how events name it. */
export interface Audience {
  /** `context.personas.computation_key` of its events. */
  readonly key: string;
  /** `context.personas.computation_id` of its events; null: they are known by the key alone. */
  readonly computationId: string | null;
  /** What the service calls it. */
  readonly externalId: string;
  readonly settings: Readonly<Record<string, unknown>>;
}
