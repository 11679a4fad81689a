import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import {
  getDestination,
  insertDestination,
  listDestinations,
  setSeam,
  type DestinationRecord,
} from '../../db/destinations.ts';
import { keptAlive } from '../../db/kept-alive.ts';
import type { Queryable } from '../../db/sql.ts';
import { openStream } from '../../db/streams.ts';
import type { DestinationDefinition } from '../../destinations/definition.ts';
import { readCatalogDocument } from '../../destinations/catalog/read.ts';
import { profileOf } from '../../destinations/catalog/profile-of.ts';
import { loadDefinition } from '../../destinations/registry.ts';
import { prepareActions } from '../actions.ts';
import type { AuditNotes } from '../audit/notes.ts';
import { creatingRoute } from '../creating.ts';
import type { ApiDeps } from '../deps.ts';
import { tell } from '../engine.ts';
import { runHooks, withSaved } from '../hooks.ts';
import { pageOfRows, placeOfCursor } from '../page.ts';
import { isProblem, problem } from '../problem.ts';
import { invalidBody, nothingHere, route, type Route } from '../route.ts';
import {
  Destination,
  destinationExample,
  DestinationWithGenerated,
  NewDestination,
  showDestination,
} from '../schemas/destination.ts';
import { IdPath, pageOf, pageQuery } from '../schemas/fields.ts';
import { namesOfSet, openSettings, prepareSettings, sealSettings, unknownType } from '../settings.ts';
import { namedIn, unknownSources } from '../unknown-sources.ts';

export const tag = 'Destinations';
const Place = z.tuple([z.int(), z.uuid()]);

/** Connecting destinations and reading them. */
export function destinationRoutes(deps: ApiDeps): Route[] {
  return [create(deps), list(deps), get(deps)];
}

/** A destination as it is answered; of its settings only the names. */
export function answerOf(deps: ApiDeps, destination: DestinationRecord): z.input<typeof Destination> {
  const settings = openSettings(destination.settingsSealed, destination.id, deps.keyring);
  return showDestination(destination, settings === null ? null : namesOfSet(settings), deps);
}

/** The refusal when stored settings cannot be opened. */
export const unreadableSettings = problem(
  'settings_unreadable',
  'The settings were sealed with another REPRISE_SECRET_KEY. Start the server with that key, or give the destination all of its settings anew: PATCH {"settings": {…}}.',
);

function create(deps: ApiDeps): Route {
  return creatingRoute(
    deps,
    {
      operationId: 'createDestination',
      method: 'post',
      path: '/api/destinations',
      tag,
      summary: 'Connect a destination',
      description:
        'From this moment it gets every new event; what lies before its `seam` reaches it by a replay. Settings that can be generated, such as a webhook’s secret, are generated when they are absent and shown in this answer only.',
      body: NewDestination,
      bodyExample: {
        type: 'webhook',
        name: 'Warehouse',
        settings: { url: 'https://example.com/events' },
        budget: { eventsPerSecond: 100 },
      },
      answers: {
        201: {
          description: 'The destination.',
          schema: DestinationWithGenerated,
          example: {
            ...destinationExample,
            generated: { secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' },
          },
        },
      },
      problems: ['not_connectable'],
    },
    async ({ body, notes }, tx) => {
      const made = await connect(deps, tx, body, notes);
      if (isProblem(made)) return made;
      const { destination, generated } = made;
      const answer = { ...answerOf(deps, destination), ...(hasAny(generated) && { generated }) };
      return {
        answer: { status: 201, body: answer, headers: { location: `/api/destinations/${destination.id}` } },
        afterCommit: () => startStream(deps, destination),
      };
    },
  );
}

const hasAny = (record: object) => Object.keys(record).length > 0;

async function connect(
  deps: ApiDeps,
  tx: Queryable,
  body: z.output<typeof NewDestination>,
  notes: AuditNotes,
) {
  const definition = await loadDefinition(body.type);
  if (definition === null) return unknownType(body.type);
  const prepared = prepareSettings(definition, body.settings, deps.egress);
  if (isProblem(prepared)) return prepared;
  const refused = await unknownSources(tx, namedIn('/sources', body.sources ?? []), 'deleted');
  if (refused !== null) return refused;
  const id = randomUUID();
  const settingsSealed = sealSettings(prepared.settings, id, deps.keyring);
  const { type, name, enabled, sources, filter, region } = body;
  const budget = body.budget ?? profileOf(type)?.rate?.value ?? {};
  const wanted = actionsOf(definition, body);
  if (isProblem(wanted)) return wanted;
  // Within the transaction that has the Idempotency-Key: what a hook made at the service is not made again.
  const context = { egress: deps.egress };
  const run = { settings: prepared.settings, context, newAccount: false, notes };
  const known = readCatalogDocument(type)?.actions ?? [];
  const saved = await keptAlive(tx, () => runHooks(definition, known, wanted, run));
  if (isProblem(saved)) return saved;
  const actions = withSaved(wanted, saved);
  await insertDestination(tx, {
    id,
    type,
    name,
    enabled,
    settingsSealed,
    sources,
    filter,
    budget,
    region,
    actions,
  });
  if (enabled) await openFirstStream(tx, id);
  return { destination: (await getDestination(tx, id))!, generated: prepared.generated };
}

/** The actions that a new destination begins with. */
function actionsOf(definition: DestinationDefinition, body: z.output<typeof NewDestination>) {
  if (body.actions !== undefined) return prepareActions(body.type, body.actions, []);
  if (definition.presetActions.length > 0)
    return definition.presetActions.map((preset) => ({ ...preset, id: null, hooks: [] }));
  return invalidBody([
    { pointer: '/actions', detail: 'The definition suggests none. Name the actions that it is to have.' },
  ]);
}

async function openFirstStream(tx: Queryable, destinationId: string): Promise<void> {
  const opened = await openStream(tx, destinationId);
  if (opened.kind !== 'open') throw new Error('a new destination has a stream that stops');
  await setSeam(tx, destinationId, opened.seam);
}

/** Starts the workflow of a destination's stream, if it has one. */
export async function startStream(deps: ApiDeps, destination: DestinationRecord): Promise<void> {
  if (destination.stream === null) return;
  await tell(deps, 'start stream', () => deps.orchestrator.startStream(destination.id));
}

function list(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'listDestinations',
      method: 'get',
      path: '/api/destinations',
      tag,
      summary: 'List destinations',
      description: 'Newest first.',
      query: z.strictObject({
        type: z
          .exactOptional(z.string().regex(/^[\w-]{1,100}$/))
          .meta({ description: 'Only those of this type of the catalog.', example: 'webhook' }),
        enabled: z
          .exactOptional(z.enum(['true', 'false']))
          .meta({ description: 'true: only those that get new events. false: only the others.' }),
        ...pageQuery,
      }),
      answers: {
        200: {
          description: 'A page of destinations.',
          schema: pageOf(Destination),
          example: { data: [destinationExample], nextCursor: null },
        },
      },
    },
    async ({ query: { limit, cursor, enabled, ...asked } }) => {
      const start = placeOfCursor('destinations', cursor, Place);
      if (isProblem(start)) return start;
      const after = start.place === null ? {} : { after: start.place };
      const rows = await listDestinations(deps.db, {
        ...asked,
        ...(enabled !== undefined && { enabled: enabled === 'true' }),
        limit: limit + 1,
        ...after,
      });
      const show = (row: DestinationRecord) => answerOf(deps, row);
      const page = pageOfRows({ list: 'destinations', rows, limit, placeOf: (row) => row.place, show });
      return { status: 200, body: page };
    },
  );
}

function get(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'getDestination',
      method: 'get',
      path: '/api/destinations/{id}',
      tag,
      summary: 'Read a destination',
      params: IdPath,
      answers: { 200: { description: 'The destination.', schema: Destination, example: destinationExample } },
      problems: ['not_found'],
    },
    async ({ params, path }) => {
      const destination = await getDestination(deps.db, params.id);
      return destination === null ? nothingHere(path) : { status: 200, body: answerOf(deps, destination) };
    },
  );
}
