const intoSegment =
  'It sends nothing itself: it hands its calls to Segment’s own pipeline. The type `segment` sends to Segment.';

/** Why some definitions of the package can never do anything here. Each was read in its code. */
const obstacles: Readonly<Record<string, string>> = {
  'actions-segment': intoSegment,
  'actions-segment-profiles': intoSegment,
  'actions-noop': 'It does nothing: Segment tests its own platform with it.',
};

/** Clients that dial by themselves: their code runs where there is no network, so that nothing leaves unguarded. */
const dialling = /^(@aws-sdk\/client-|kafkajs$|ssh2)/;

/**
 * Why a definition cannot be connected here, or null.
 * @param connectsBy what its code connects by beside the client that the catalog shares
 */
export function obstacleOf(type: string, connectsBy: readonly string[]): string | null {
  const own = connectsBy.filter((name) => dialling.test(name));
  const dials = `Its code opens connections of its own (${own.join(', ')}), and Reprise guards only those of the shared client.`;
  return obstacles[type] ?? (own.length === 0 ? null : dials);
}
