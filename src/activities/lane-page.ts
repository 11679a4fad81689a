import { decide, gather } from '../core/decide.ts';
import { covers } from '../core/coverage.ts';
import { filtersOf, letThrough, type Verdict } from '../core/event-filters.ts';
import { orderKeyOf, type ArchivedEvent, type Position } from '../core/event.ts';
import { optsOut } from '../core/integrations.ts';
import type { Offered } from '../core/lane-types.ts';
import type { OutOfTime } from '../core/time-rule.ts';
import { pageWindow, readPage } from '../db/archive/read.ts';
import {
  deliveryKey,
  readPageKnowledge,
  type LaneKnowledge,
  type PageKnowledge,
} from '../db/lane-knowledge.ts';
import type { TakenLane } from '../db/lane-lease.ts';
import type { Copying } from '../db/copy-out.ts';
import type { Queryable } from '../db/sql.ts';
import type { Sender } from '../destinations/definition.ts';
import { verdictsOf } from './verdicts.ts';

/** What is asked about an event before it is sent. */
export interface Questions {
  /** Whether it is of a user to whom nothing may be sent. */
  readonly suppressed: (event: ArchivedEvent) => boolean;
  /** Why a replay does not send it, as the destination takes no events of its time. */
  readonly outOfTime: (event: ArchivedEvent) => OutOfTime | null;
  /** Tells whether the destination's success says that it has an event of an action. */
  readonly sender: Pick<Sender, 'confirms'>;
}

/**
 * The next page of a lane, each event with what is decided about it before anything is sent.
 * @param limit how many events it holds at most
 */
export async function readLanePage(
  db: Queryable & Copying,
  lane: TakenLane,
  known: LaneKnowledge,
  questions: Questions,
  stretch: { after: Position; upTo: Position },
  limit: number,
): Promise<{ offers: Offered<ArchivedEvent>[]; scannedTo: Position }> {
  const { bucketFrom, bucketTo, selection } = lane;
  const upTo = Math.min(stretch.upTo, stretch.after + pageWindow);
  const [page, others] = await Promise.all([
    readPage(db, { after: stretch.after, upTo, bucketFrom, bucketTo, selection, limit }),
    readPageKnowledge(db, lane, stretch.after, upTo),
  ]);
  const verdicts = await verdictsOf(page.events, filtersOf(selection, lane.triggers));
  const offers = page.events.flatMap((event, index) => {
    const verdict = verdicts?.[index] ?? letThrough;
    return verdict.selected ? [offerOf(event, lane, known, others, { ...questions, verdict })] : [];
  });
  return { offers, scannedTo: page.scannedTo };
}

function offerOf(
  event: ArchivedEvent,
  lane: TakenLane,
  known: LaneKnowledge,
  others: PageKnowledge,
  { suppressed, outOfTime, sender, verdict }: Questions & { readonly verdict: Verdict },
): Offered<ArchivedEvent> {
  const { position } = event;
  const isSuppressed = suppressed(event);
  const timeless = outOfTime(event);
  const optedOut = lane.integrations === 'honour' && optsOut(event.integrations, lane.destination);
  const { toRetry } = others;
  // Nearly always there are none, and keys take their time to make.
  const noRows = toRetry === null && known.rows.size + others.elsewhere.size === 0;
  const decisions = lane.actions.map(({ actionId }) => {
    const key = noRows ? '' : deliveryKey(position, actionId);
    const decision = decide(lane.mode, {
      ownBit: covers(known.own.get(actionId), position),
      otherBit: toRetry?.get(key) ?? covers(others.others.get(actionId), position),
      ownRow: known.rows.get(key) ?? null,
      waitsElsewhere: others.elsewhere.has(key),
      asked: toRetry?.has(key) ?? true,
      triggered: !verdict.untriggered.includes(actionId),
      passes: verdict.passes,
      optedOut,
      suppressed: isSuppressed,
      outOfTime: timeless,
      confirms: sender.confirms?.(actionId) ?? true,
    });
    return [actionId, decision] as const;
  });
  const receivedMs = event.receivedAt.getTime();
  return { position, receivedMs, orderKey: orderKeyOf(event), event, ...gather(decisions) };
}
