import { noCounts } from '../../src/core/counts.ts';
import type { LaneCommit } from '../../src/core/lane-types.ts';
import type { LaneStanding } from '../../src/db/lane-commit.ts';

/** A commit that changes nothing but the mark. */
export const noCommit = (mark: number): LaneCommit => ({
  mark,
  markReceivedAt: null,
  counts: noCounts,
  ahead: noCounts,
  readTo: 0,
  bits: [],
  waiting: [],
  ended: [],
  dead: [],
  promote: [],
  hurry: [],
  callUp: [],
  samples: null,
});

/** A lane of which there is nothing to say. */
export const noStanding = (more: Partial<LaneStanding> = {}): LaneStanding => ({
  state: 'ready',
  reason: null,
  wakeInMs: null,
  holdMs: null,
  heldForMs: null,
  streaks: [],
  endings: null,
  rate: 0,
  revision: 1,
  suppressionRevision: 0,
  release: false,
  ...more,
});
