import { randomUUID } from 'node:crypto';
import type { EventType } from '../../../src/core/event.ts';
import type { Outcome } from '../../../src/core/outcome.ts';
import { readFql } from '../../../src/core/fql/read.ts';
import { withSyncMode } from '../../../src/destinations/catalog/describe-field.ts';
import { defaultMapping } from '../../../src/destinations/catalog/compute-profile.ts';
import { overlaysOf } from '../../../src/destinations/catalog/replay-rules.ts';
import { packageDestination } from '../../../src/destinations/catalog/definition.ts';
import type { CatalogAction, CatalogDocument } from '../../../src/destinations/catalog/document.ts';
import { parseEgressAllow } from '../../../src/destinations/egress-address.ts';
import { deliveryOf } from '../deliveries.ts';
import type { Recorded } from '../internet.ts';
import { columnsOf, takenBy, types } from './events.ts';
import { givenValues } from './given.ts';
import { madeUp, mappingFor, settingsFor } from './made-up.ts';
import { recordOf, type RequestRecord } from './record.ts';

/** What one preset made of events of one kind. */
export interface Driven {
  readonly preset: string;
  readonly action: string;
  readonly type: EventType;
  /** So many events in one call; 1: alone. */
  readonly events: number;
  /** Sent by a replay. */
  readonly replay?: true;
  /** How each fared; one text where all fared alike. */
  readonly outcome: string | readonly string[];
  readonly requests: readonly RequestRecord[];
}

/** Where what is sent arrives. */
export interface Arrivals {
  /** What has come in since it was asked last, in order. */
  taken(): readonly Recorded[] | Promise<readonly Recorded[]>;
}

const tokens = { accessToken: 'an-access-token', refreshToken: 'a-refresh-token' };
const egress = parseEgressAllow(['127.0.0.0/8']);
const together = 3;

/** What is driven: the presets, and each action that none of them uses, with its own trigger and mapping. */
function routesOf({ presets, actions }: CatalogDocument): Route[] {
  const others = actions.filter(({ name }) => !presets.some(({ action }) => action === name));
  const routes = [
    ...presets,
    ...others.map((action) => ({
      name: action.title,
      action: action.name,
      trigger: action.trigger,
      mapping: withSyncMode(defaultMapping(action), action.syncMode),
    })),
  ];
  return routes.map(({ name, action, trigger, mapping }) => ({
    name,
    trigger,
    mapping,
    action: actions.find((one) => one.name === action)!,
  }));
}

interface Route {
  readonly name: string;
  readonly action: CatalogAction;
  readonly trigger: string | null;
  readonly mapping: Readonly<Record<string, unknown>>;
}

/** What is not driven, with the trigger that is at fault: nobody can read it, or no made-up event fits it. */
export function notDriven(document: CatalogDocument): Readonly<Record<string, string>> {
  const fits = ({ trigger }: Route) =>
    trigger === null || (readFql(trigger).ok && types.some((type) => takenBy(trigger, type, 1) !== null));
  const routes = routesOf(document).filter((route) => !fits(route));
  return Object.fromEntries(routes.map(({ name, trigger }) => [name, trigger!]));
}

/**
 * Sends what each action of a type takes, alone and in a batch, the way of every delivery; by a replay as well where the
 * type's profile has it sent otherwise then.
 */
export async function drive(document: CatalogDocument, internet: Arrivals): Promise<Driven[]> {
  const driven: Driven[] = [];
  for (const route of routesOf(document)) {
    // A trigger that nobody can read is not applied.
    if (route.trigger !== null && !readFql(route.trigger).ok) continue;
    const taken = types.filter((type) => takenBy(route.trigger, type, 1) !== null);
    const overlays = overlaysOf(document.replay.profile, route.action.name);
    for (const [index, type] of taken.entries()) {
      const inBatch = route.action.batch !== null && index === 0;
      for (const events of inBatch ? [1, together] : [1]) {
        driven.push(await driveFully(document, route, { type, events, replay: false }, internet));
        if (overlays.length > 0) {
          driven.push(await driveFully(document, route, { type, events, replay: true }, internet));
        }
      }
    }
  }
  return driven;
}

/** The names of the actions of a type, those that its presets use first. */
export const actionsOf = (document: CatalogDocument): readonly string[] => [
  ...new Set(routesOf(document).map(({ action }) => action.name)),
];

/** Sends one event of a time through one action, live or by a replay. */
export async function driveAt(
  document: CatalogDocument,
  action: string,
  { at, replay }: { readonly at: Date; readonly replay: boolean },
  internet: Arrivals,
): Promise<Driven> {
  const route = routesOf(document).find((one) => one.action.name === action)!;
  const type = types.find((one) => takenBy(route.trigger, one, 1) !== null)!;
  return await driveFully(document, route, { type, events: 1, replay, at }, internet);
}

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
): Promise<Driven> {
  const given = givenValues[document.type] ?? {};
  const known = route.action.fields
    .filter(({ name }) => name in (given.mapping ?? {}))
    .map(({ name }) => [name, given.mapping?.[name]]);
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
  { name, action, trigger, mapping }: Route,
  { type, events, replay, at }: Sent,
  internet: Arrivals,
): Promise<Driven> {
  const actionId = randomUUID();
  const { batch } = action;
  const batching = batch === null ? {} : { enable_batching: events > 1 };
  const sender = packageDestination(document).open(
    { ...settingsFor(document), ...givenValues[document.type]?.settings, oauth: tokens },
    {
      egress,
      destinationId: randomUUID(),
      replay,
      actions: [{ actionId, action: action.name, mapping: { ...mapping, ...batching } }],
    },
  );
  try {
    const deliveries = Array.from({ length: events }, (_, index) => {
      const made = takenBy(trigger, type, index + 1)!;
      const event = at === undefined ? made : { ...made, timestamp: at.toISOString() };
      const delivery = deliveryOf(JSON.stringify(event), { actionId });
      const times = { timestamp: timeOf(event, 'timestamp'), receivedAt: timeOf(event, 'receivedAt') };
      return { ...delivery, event: { ...delivery.event, ...columnsOf(event), ...times } };
    });
    const outcomes = await sender.send(deliveries, { mayWrite: () => true });
    const told = outcomes.map(outcomeText);
    return {
      preset: name,
      action: action.name,
      type,
      events,
      ...(replay && { replay }),
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
