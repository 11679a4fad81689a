import type { EventType } from './event.ts';

/** Events named by lists: an event is named when every list given here names it. */
export interface SelectionLists {
  readonly types?: readonly EventType[];
  /** Names of track, page and screen calls, compared exactly. */
  readonly names?: readonly string[];
  /** Compared exactly with userId and with anonymousId. */
  readonly users?: readonly string[];
  /** Ids of sources. */
  readonly sources?: readonly string[];
  /** FQL that names the events for which it holds. */
  readonly fql?: string;
}

/**
 * What a run takes of its range of positions, decided from columns alone but for FQL that asks for more. An absent member limits nothing, an empty
 * list names no event. Times are RFC 3339 texts, from inclusive, to exclusive.
 */
export interface Selection extends SelectionLists {
  readonly receivedFrom?: string;
  readonly receivedTo?: string;
  readonly timestampFrom?: string;
  readonly timestampTo?: string;
  /** An event that any list given here names is left out. */
  readonly exclude?: SelectionLists;
  /** Only events with a dead letter that the replay of this id took up. */
  readonly retriedBy?: string;
  /** FQL of the destination itself; it names nothing: an event for which it does not hold is counted as filtered. */
  readonly filter?: string;
  /** Leaves imported history out. */
  readonly liveOnly?: boolean;
}
