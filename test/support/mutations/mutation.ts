import type { Scenario } from '../simulation/scenario.ts';

/** A mistake to be made in one file of the core. */
export interface Mutation {
  /** What is then wrong. */
  readonly name: string;
  /** In src/core. */
  readonly file: string;
  /** Text that occurs exactly once in the file. */
  readonly from: string;
  readonly to: string;
  /** Which simulation must show it; a lane's unless said otherwise. */
  readonly shows?: 'pace';
  /** What histories have in common in which it shows, where it would be rare among all. */
  readonly under?: Partial<Scenario>;
}
