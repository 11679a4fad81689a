/** A mistake to be made in one file of the core. */
export interface Mutation {
  /** What is then wrong. */
  readonly name: string;
  /** In src/core. */
  readonly file: string;
  /** Text that occurs exactly once in the file. */
  readonly from: string;
  readonly to: string;
}
