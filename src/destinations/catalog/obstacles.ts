const intoSegment =
  'It sends nothing itself: it hands its calls to Segment’s own pipeline. The type `segment` sends to Segment.';

/** Why some definitions of the package can never do anything here. Each was read in its code. */
const obstacles: Readonly<Record<string, string>> = {
  'actions-segment': intoSegment,
  'actions-segment-profiles': intoSegment,
  'actions-noop': 'It does nothing: Segment tests its own platform with it.',
};

/** Why a definition cannot be connected here, or null. */
export function obstacleOf(type: string): string | null {
  return obstacles[type] ?? null;
}
