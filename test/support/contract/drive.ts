import { randomUUID } from 'node:crypto';
import type { EventType } from '../../../src/core/event.ts';
import type { Outcome } from '../../../src/core/outcome.ts';
import { readFql } from '../../../src/core/fql/read.ts';
import { overlaysOf, timeRuleOf } from '../../../src/destinations/catalog/replay-rules.ts';
import { packageDestination } from '../../../src/destinations/catalog/definition.ts';
import type { CatalogDocument } from '../../../src/destinations/catalog/document.ts';
import { parseEgressAllow } from '../../../src/destinations/egress-address.ts';
import { deliveryOf } from '../deliveries.ts';
import type { Recorded } from '../internet.ts';
import { columnsOf, takenBy, types } from './events.ts';
import { givenValues } from './given.ts';
import { madeUp, mappingFor, settingsFor } from './made-up.ts';
import { recordOf, type RequestRecord } from './record.ts';
import { routesOf, type Route } from './routes.ts';

/** What became of events that were sent. */
export interface Made {
  /** How each fared; one text where all fared alike. */
  readonly outcome: string | readonly string[];
  readonly requests: readonly RequestRecord[];
}

/** What one preset made of events of one kind. */
export interface Driven extends Made {
  readonly preset: string;
  readonly action: string;
  readonly type: EventType;
  /** So many events in one call; 1: alone. */
  readonly events: number;
  /** What a replay of the same events made; absent: none was driven. */
  readonly replayed?: 'the same' | Made;
}

/** What became of them live, and by a replay where that differs. */
export const madeOf = (driven: Driven): readonly Made[] =>
  typeof driven.replayed === 'object' ? [driven, driven.replayed] : [driven];

/** Where what is sent arrives. */
export interface Arrivals {
  /** What has come in since it was asked last, in order. */
  taken(): readonly Recorded[] | Promise<readonly Recorded[]>;
}

const tokens = { accessToken: 'an-access-token', refreshToken: 'a-refresh-token' };
const egress = parseEgressAllow(['127.0.0.0/8']);
const together = 3;
const minuteMs = 60_000;
const dayMs = 86_400_000;

/**
 * Sends what each action of a type takes, of each kind alone and in a batch, live and by a replay, the way of every
 * delivery.
 * @param how `briefly`: only the first kind in a batch, and replays only where the type's profile has them sent otherwise
 */
export async function drive(
  document: CatalogDocument,
  internet: Arrivals,
  how: 'fully' | 'briefly' = 'fully',
): Promise<Driven[]> {
  const driven: Driven[] = [];
  for (const route of routesOf(document)) {
    // A trigger that nobody can read is not applied.
    if (route.trigger !== null && !readFql(route.trigger).ok) continue;
    const taken = types.filter((type) => eventFor(document, route, type, 1) !== null);
    const hasOverlays = overlaysOf(document.replay.profile, route.action.name).length > 0;
    for (const [index, type] of taken.entries()) {
      const inBatch = route.action.batch !== null && (how === 'fully' || index === 0);
      for (const events of inBatch ? [1, together] : [1]) {
        const isReplayed = how === 'fully' || hasOverlays;
        driven.push(await driveBoth(document, route, { type, events, isReplayed }, internet));
      }
    }
  }
  return driven;
}

async function driveBoth(
  document: CatalogDocument,
  route: Route,
  { isReplayed, ...sent }: Pick<Sent, 'type' | 'events'> & { readonly isReplayed: boolean },
  internet: Arrivals,
): Promise<Driven> {
  const at = givenValues[document.type]?.isFresh === true ? new Date(Date.now() - minuteMs) : undefined;
  const { name: preset, action } = route;
  const live = await driveFully(document, route, { ...sent, replay: false, ...(at && { at }) }, internet);
  const driven = { preset, action: action.name, ...sent, ...live };
  if (!isReplayed) return driven;
  // What is too old for a replay is sent by none: it is compared to what is sent live of an event that is not.
  const replayedAt = at ?? timeToReplay(document, action.name);
  const twin =
    at === replayedAt
      ? live
      : await driveFully(document, route, { ...sent, replay: false, at: replayedAt! }, internet);
  const replay = { ...sent, replay: true, ...(replayedAt && { at: replayedAt }) };
  const replayed = await driveFully(document, route, replay, internet);
  const isSame = (one: Made) => JSON.stringify(one) === JSON.stringify(replayed);
  // A service may be asked for something at the first call alone, as for a token.
  const again = async () => await driveFully(document, route, { ...replay, replay: false }, internet);
  return { ...driven, replayed: isSame(twin) || isSame(await again()) ? 'the same' : replayed };
}

/** A time at which a replay sends an event, where not all are taken: as old as all that the profile sets asks for. */
function timeToReplay({ replay: { profile } }: CatalogDocument, action: string): Date | undefined {
  if (timeRuleOf(profile)?.maxAgeMs === undefined) return undefined;
  const oldest = Math.max(0, ...overlaysOf(profile, action).map(({ olderThanMs }) => olderThanMs));
  return new Date(Date.now() - (oldest === 0 ? minuteMs : oldest + dayMs));
}

/** Sends one event of a time through one action, live or by a replay. */
export async function driveAt(
  document: CatalogDocument,
  action: string,
  { at, replay }: { readonly at: Date; readonly replay: boolean },
  internet: Arrivals,
): Promise<Made> {
  const route = routesOf(document).find((one) => one.action.name === action)!;
  const type = types.find((one) => eventFor(document, route, one, 1) !== null)!;
  return await driveFully(document, route, { type, events: 1, replay, at }, internet);
}

const eventFor = ({ type: of }: CatalogDocument, { trigger }: Route, type: EventType, number: number) =>
  takenBy(trigger, type, number, givenValues[of]?.event);

/** Events of one kind, so many in a call. */
interface Sent {
  readonly type: EventType;
  readonly events: number;
  readonly replay: boolean;
  /** Their time; absent: as they were made up. */
  readonly at?: Date;
}

const missing = /root value is missing the required field '(\w+)'/g;

/** With a made-up value for each field that the action then says it lacks. */
async function driveFully(
  document: CatalogDocument,
  route: Route,
  sent: Sent,
  internet: Arrivals,
): Promise<Made> {
  const given = givenValues[document.type] ?? {};
  const givenMapping = { ...given.mapping, ...given.actions?.[route.action.name] };
  const known = route.action.fields
    .filter(({ name }) => name in givenMapping)
    .map(({ name }) => [name, givenMapping[name]]);
  let mapping: Record<string, unknown> = {
    ...mappingFor(route.action.fields, route.mapping),
    ...Object.fromEntries(known),
    ...Object.fromEntries(
      route.action.hooks
        .filter(({ needed }) => needed === true)
        .map(({ name }) => [name, { inputs: {}, outputs: given.saved }]),
    ),
  };
  for (;;) {
    const driven = await driveOne(document, { ...route, mapping }, sent, internet);
    const names = [...[driven.outcome].flat().join(' ').matchAll(missing)].map(([, name]) => name!);
    const lacking = route.action.fields.filter(
      ({ name }) => names.includes(name) && !isLiteral(mapping[name]),
    );
    if (lacking.length === 0) return driven;
    mapping = { ...mapping, ...Object.fromEntries(lacking.map((field) => [field.name, madeUp(field)])) };
  }
}

const isLiteral = (value: unknown) =>
  value !== undefined && (typeof value !== 'object' || Array.isArray(value));

async function driveOne(
  document: CatalogDocument,
  route: Route,
  { type, events, replay, at }: Sent,
  internet: Arrivals,
): Promise<Made> {
  const actionId = randomUUID();
  const { action, mapping } = route;
  const { batch } = action;
  const batching = batch === null ? {} : { enable_batching: events > 1 };
  const sender = packageDestination(document).open(
    { ...settingsFor(document), ...givenValues[document.type]?.settings, oauth: tokens },
    {
      egress,
      destinationId: document.type, // all of one account runs in one child, as what definitions keep there counts for later calls
      replay,
      actions: [{ actionId, action: action.name, mapping: { ...mapping, ...batching } }],
    },
  );
  try {
    const deliveries = Array.from({ length: events }, (_, index) => {
      const made = eventFor(document, route, type, index + 1)!;
      const event = at === undefined ? made : { ...made, timestamp: at.toISOString() };
      const delivery = deliveryOf(JSON.stringify(event), {
        actionId,
        replayId: replay ? randomUUID() : null,
      });
      const times = { timestamp: timeOf(event, 'timestamp'), receivedAt: timeOf(event, 'receivedAt') };
      return { ...delivery, event: { ...delivery.event, ...columnsOf(event), ...times } };
    });
    const outcomes = await sender.send(deliveries, { mayWrite: () => true });
    const told = outcomes.map(outcomeText);
    return {
      outcome: new Set(told).size === 1 ? told[0]! : told,
      requests: (await internet.taken()).map(recordOf),
    };
  } finally {
    await sender.close();
  }
}

const timeOf = (event: Readonly<Record<string, unknown>>, name: string) => new Date(event[name] as string);

function outcomeText(outcome: Outcome): string {
  if (!('failure' in outcome) || outcome.failure === undefined) return outcome.kind;
  const { errorClass, status, message } = outcome.failure;
  return [outcome.kind, errorClass, status, message.slice(0, 200)]
    .filter((part) => part !== undefined)
    .join(' · ');
}
