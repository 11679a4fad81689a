/**
 * Features without which a definition hands its events to storage of Segment's own, from where Segment sends them; with
 * them its code sends them itself.
 */
const features: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
  'actions-liveramp-audiences': { 'actions-liveramp-audiences-legacy-flow': true },
};

/** The features that a type always runs with. */
export const ownFlowOf = (type: string): Readonly<Record<string, boolean>> => features[type] ?? {};
