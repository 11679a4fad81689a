import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { noBatchMembers } from '../core/completed-event.ts';
import type { ArchivedEvent } from '../core/event.ts';
import { filtersOf, letThrough, verdictOf } from '../core/event-filters.ts';
import { optsOut } from '../core/integrations.ts';
import { membersOf, withoutByteOrderMark } from '../core/json-scan.ts';
import { readEvent } from '../core/new-event.ts';
import { rejectionReasons } from '../core/rejection.ts';
import { outOfTime } from '../core/time-rule.ts';
import { listAudiences } from '../db/audiences.ts';
import type { ActionRecord, DestinationRecord } from '../db/destinations.ts';
import { eventOfMessage } from '../db/event-lookup.ts';
import { archivedEventAt } from '../db/event-traces.ts';
import type { Queryable } from '../db/sql.ts';
import { suppressedAmong } from '../db/suppressions.ts';
import { profileOf } from '../destinations/catalog/profile-of.ts';
import { timeRuleOf } from '../destinations/catalog/replay-rules.ts';
import type { Delivery, DestinationDefinition } from '../destinations/definition.ts';
import { deliveryName } from '../destinations/delivery-id.ts';
import type { EgressAllow } from '../destinations/egress-address.ts';
import { actionsMeant } from './named-actions.ts';
import { isProblem, problem, type Problem } from './problem.ts';
import { invalidBody } from './route.ts';
import type { heldBackBy, Preview, PreviewAsked } from './schemas/preview.ts';

type Asked = z.output<typeof PreviewAsked>;
type HeldBackBy = (typeof heldBackBy)[number];

/** One preview: its deliveries run one after another, and its answer is held in memory. */
const mostDeliveries = 100;
/** Stands for the replay that a preview is made as, which there is not. */
const noReplay = '00000000-0000-0000-0000-000000000000';

/** What a preview is made with. */
export interface PreviewOf {
  readonly destination: DestinationRecord;
  readonly definition: DestinationDefinition;
  readonly settings: unknown;
  readonly egress: EgressAllow;
}

/**
 * What would become of events at a destination: per event and action what holds it back, else what would leave.
 * @param rawBody the request's, out of which the event is cut as it was written
 */
export async function preview(
  db: Queryable,
  of: PreviewOf,
  { asked, rawBody }: { readonly asked: Asked; readonly rawBody: Uint8Array },
): Promise<z.input<typeof Preview> | Problem> {
  const actions = askedActions(of.destination.actions, asked.actions);
  if (isProblem(actions)) return actions;
  const events = await askedEvents(db, asked, rawBody);
  if (isProblem(events)) return events;
  if (events.length * actions.length > mostDeliveries) {
    const detail = `${events.length} events and ${actions.length} actions are more than ${mostDeliveries} deliveries. Name fewer.`;
    return invalidBody([{ pointer: '/actions', detail }]);
  }
  const standings = await standingsOf(db, of.destination, {
    events,
    actions,
    replay: asked.replay,
  });
  const going = standings.filter(({ heldBackBy }) => heldBackBy.length === 0);
  const deliveries = going.map(({ event, action }) =>
    deliveryOf(of.destination.id, event, action, asked.replay),
  );
  const context = {
    egress: of.egress,
    destinationId: of.destination.id,
    replay: asked.replay,
    audiences: await listAudiences(db, of.destination.id),
    actions: actions.map(({ id, action, mapping }) => ({ actionId: id, action, mapping })),
  };
  const previews = await of.definition.preview(of.settings, context, deliveries);
  const shown = standings.map((standing) => show(standing, previews[going.indexOf(standing)]));
  return {
    data: events.map((event, index) => ({
      position: event.position === 0 ? null : event.position,
      messageId: event.messageId,
      type: event.type,
      name: event.name,
      deliveries: shown.slice(index * actions.length, (index + 1) * actions.length),
    })),
  };
}

function askedActions(
  all: readonly ActionRecord[],
  asked: readonly string[] | undefined,
): readonly ActionRecord[] | Problem {
  if (asked === undefined) return all;
  const { meant, unknown } = actionsMeant(all, asked);
  const [first] = unknown;
  if (first === undefined) return meant;
  const detail = `The destination has no such action. It has: ${all.map(({ name }) => name).join(', ')}.`;
  return invalidBody([{ pointer: `/actions/${first}`, detail }]);
}

async function askedEvents(
  db: Queryable,
  { eventIds, event, sourceId }: Asked,
  rawBody: Uint8Array,
): Promise<readonly ArchivedEvent[] | Problem> {
  if ((eventIds === undefined) === (event === undefined)) {
    const detail = 'Name archived events by `eventIds`, or give one as `event`: one of the two.';
    return invalidBody([{ pointer: '', detail }]);
  }
  if (event !== undefined) return givenEvent(event, rawBody, sourceId ?? noReplay);
  if (sourceId !== undefined) {
    const detail = 'Archived events have their source. Leave it out.';
    return invalidBody([{ pointer: '/sourceId', detail }]);
  }
  const events: ArchivedEvent[] = [];
  for (const [index, id] of eventIds!.entries()) {
    const found = await archivedEvent(db, id);
    if (found === null || found.raw.length === 0) return noEvent(index, id, found !== null);
    events.push(found);
  }
  return events;
}

async function archivedEvent(db: Queryable, id: string | number): Promise<ArchivedEvent | null> {
  if (typeof id === 'number' || /^\d{1,15}$/.test(id)) return await archivedEventAt(db, Number(id));
  const event = await eventOfMessage(db, id);
  return event === null ? null : await archivedEventAt(db, event.position);
}

function noEvent(index: number, id: string | number, wasDeleted: boolean): Problem {
  const detail = wasDeleted
    ? `The event ${id} was of a person who was deleted. Nothing of it is left to preview.`
    : `The archive has no event ${id}. GET /api/events finds those that there are.`;
  return problem('not_found', `/eventIds/${index}: ${detail}`, {
    errors: [{ pointer: `/eventIds/${index}`, detail }],
  });
}

/** The event of the body, as the tracking API would read it now; its numbers stay as they were written. */
function givenEvent(
  value: object,
  rawBody: Uint8Array,
  sourceId: string,
): readonly ArchivedEvent[] | Problem {
  const text = withoutByteOrderMark(rawBody);
  const member = membersOf(text).findLast(({ key }) => key === 'event')!;
  const raw = text.subarray(member.valueStart, member.valueEnd);
  const { event, rejected } = readEvent(value, raw, null, {
    sourceId,
    origin: 'tracking_api',
    receivedAt: new Date(),
    live: true,
    sentAt: null,
    batch: noBatchMembers,
    integrations: null,
    newMessageId: randomUUID,
  });
  if (rejected === undefined) {
    return [{ ...event, position: 0, bucket: 0, edits: JSON.stringify(event.edits) }];
  }
  const { message } = rejectionReasons[rejected.code];
  return invalidBody([{ pointer: '/event', detail: message }]);
}

interface Standing {
  readonly event: ArchivedEvent;
  readonly action: ActionRecord;
  readonly heldBackBy: readonly HeldBackBy[];
}

/** Of every event with every action, in that order, what holds it back: what a delivery asks before anything is sent. */
async function standingsOf(
  db: Queryable,
  { id, name, type, sources, filter }: DestinationRecord,
  of: {
    readonly events: readonly ArchivedEvent[];
    readonly actions: readonly ActionRecord[];
    readonly replay: boolean;
  },
): Promise<Standing[]> {
  const triggers = of.actions.flatMap((one) => (one.trigger === null ? [] : [[one.id, one.trigger]]));
  const selection = filter === null ? {} : { filter };
  const filters = filtersOf(selection, Object.fromEntries(triggers) as Record<string, string>);
  const isSuppressed = await suppressedAmong(db, of.events);
  const times = of.replay ? timeRuleOf(profileOf(type)) : null; // a stream sends what is old as well
  const now = Date.now();
  return of.events.flatMap((event) => {
    const { passes, untriggered } = filters === null ? letThrough : verdictOf(event, filters);
    // An event that was given without a source is of any that is taken.
    const isOfTaken = sources === null || event.sourceId === noReplay || sources.includes(event.sourceId);
    const isLate = times !== null && outOfTime(times, event.timestamp.getTime(), now) !== null;
    const optedOut = optsOut(event.integrations, { id, name, type });
    return of.actions.map((action): Standing => {
      const holds: [HeldBackBy, boolean][] = [
        ['sources', !isOfTaken],
        ['trigger', untriggered.includes(action.id)],
        ['filter', !passes],
        ['integrations', optedOut],
        ['suppression', isSuppressed?.(event) === true],
        ['time', isLate],
      ];
      return { event, action, heldBackBy: holds.flatMap(([reason, does]) => (does ? [reason] : [])) };
    });
  });
}

function deliveryOf(
  destinationId: string,
  event: ArchivedEvent,
  { id }: ActionRecord,
  replay: boolean,
): Delivery {
  return {
    name: deliveryName(destinationId, id, event.position),
    event,
    actionId: id,
    newId: false,
    attempt: 1,
    replayId: replay ? noReplay : null,
    marker: null,
  };
}

type Shown = z.input<typeof Preview>['data'][number]['deliveries'][number];

function show(
  { action, heldBackBy }: Standing,
  previewed: Awaited<ReturnType<DestinationDefinition['preview']>>[number] | undefined,
): Shown {
  const {
    payload = null,
    requests = [],
    connections = [],
    complete = true,
    problem: found = null,
  } = previewed ?? {};
  return {
    actionId: action.id,
    actionName: action.name,
    action: action.action,
    version: action.version,
    sends: heldBackBy.length === 0,
    heldBackBy: [...heldBackBy],
    payload,
    requests: requests.map((request) => ({ ...request, headers: { ...request.headers } })),
    connections: [...connections],
    complete,
    problem: found,
  };
}
