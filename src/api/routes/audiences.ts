import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import {
  changeAudience,
  deleteAudience,
  getAudience,
  insertAudience,
  listAudiences,
} from '../../db/audiences.ts';
import { getDestination } from '../../db/destinations.ts';
import { keptAlive } from '../../db/kept-alive.ts';
import type { Queryable } from '../../db/sql.ts';
import { tokenRows } from '../../db/token-refresh.ts';
import { checkCatalogSettings, defaultsOf } from '../../destinations/catalog/check-settings.ts';
import type { Audience as Described } from '../../destinations/catalog/document.ts';
import { readCatalogDocument } from '../../destinations/catalog/read.ts';
import { loadDefinition } from '../../destinations/registry.ts';
import { createRenew } from '../../destinations/token-renewal.ts';
import { creatingRoute } from '../creating.ts';
import type { ApiDeps } from '../deps.ts';
import { pointerTo } from '../../core/json-place.ts';
import { isProblem, problem, type Problem } from '../problem.ts';
import { invalidBody, nothingHere, route, type Route } from '../route.ts';
import {
  Audience,
  audienceExample,
  AudiencePath,
  ChangedAudience,
  NewAudience,
  showAudience,
} from '../schemas/audience.ts';
import { IdPath } from '../schemas/fields.ts';
import { mergeSettings, openSettings } from '../settings.ts';
import { unreadableSettings } from './destinations.ts';

const tag = 'Audiences';
/** All of them go with each lane that is opened. */
const mostAudiences = 200;

/** Audiences of a destination: what its service calls those that events name. */
export function audienceRoutes(deps: ApiDeps): Route[] {
  return [create(deps), list(deps), get(deps), change(deps), remove(deps)];
}

function create(deps: ApiDeps): Route {
  return creatingRoute(
    deps,
    {
      operationId: 'createAudience',
      method: 'post',
      path: '/api/destinations/{id}/audiences',
      tag,
      summary: 'Make an audience',
      description:
        'Makes an audience at the service, by the definition’s own code, or takes one that is there. From the next slice on, within two minutes or so, events whose `context.personas` names it go out with its `external_audience_id` and `audience_settings`, by stream and replays; those that carry their own keep them.',
      params: IdPath,
      body: NewAudience,
      bodyExample: { key: 'recent_buyers', name: 'Recent buyers' },
      answers: { 201: { description: 'The audience.', schema: Audience, example: audienceExample } },
      problems: ['not_found', 'settings_unreadable', 'destination_failed'],
    },
    async ({ params: { id }, path, body }, tx) => {
      const made = await make(deps, tx, id, body);
      if (isProblem(made)) return made.problem === 'not_found' ? nothingHere(path) : made;
      const location = `/api/destinations/${id}/audiences/${made.id}`;
      return { answer: { status: 201, body: showAudience(made), headers: { location } } };
    },
  );
}

async function make(deps: ApiDeps, tx: Queryable, destinationId: string, body: z.output<typeof NewAudience>) {
  const destination = await getDestination(tx, destinationId);
  const definition = destination === null ? null : await loadDefinition(destination.type);
  if (destination === null || definition === null) return nothingHere(destinationId);
  const known = readCatalogDocument(destination.type)?.audience ?? null;
  if (known === null || definition.ask === undefined) {
    return invalidBody([
      { pointer: '', detail: `Destinations of type ${destination.type} have no audiences.` },
    ]);
  }
  const { key, computationId = null, name = key } = body;
  const complete = { ...defaultsOf(known.settings), ...body.settings };
  const refused = settingsProblem(known, complete) ?? (await keyProblem(tx, destinationId, key));
  if (refused !== null) return refused;
  const settings = openSettings(destination.settingsSealed, destinationId, deps.keyring);
  if (settings === null) return unreadableSettings;
  if (!known.creates && body.externalId === undefined) {
    const detail = 'Destinations of this type make no audiences. Name one that the service has.';
    return invalidBody([{ pointer: '/externalId', detail }]);
  }
  let externalId = body.externalId ?? '';
  if (known.creates) {
    const renew = createRenew(tokenRows(deps.db, destinationId), deps.keyring, destinationId);
    const { externalId: has = null } = body;
    const question = {
      kind: 'audience',
      key,
      computationId,
      name,
      settings: complete,
      externalId: has,
    } as const;
    const told = await keptAlive(tx, () =>
      definition.ask!(settings, { egress: deps.egress, renew }, question),
    );
    if (!told.ok)
      return problem(
        'destination_failed',
        `The audience could not be ${has === null ? 'made' : 'found'}: ${told.message}`,
      );
    const said = (told.value as { readonly externalId?: unknown } | null)?.externalId;
    if (typeof said !== 'string' && typeof said !== 'number') {
      return problem('destination_failed', 'The service did not say what it calls the audience.');
    }
    externalId = String(said);
  }
  const id = randomUUID();
  const audience = { id, key, computationId, name, externalId, settings: complete };
  return (await insertAudience(tx, destinationId, audience)) ?? sameKey(key);
}

function settingsProblem({ settings }: Described, given: unknown): Problem | null {
  const authentication = { scheme: 'none', tests: false, refreshes: false } as const;
  const faults = checkCatalogSettings({ settings, authentication }, given);
  if (faults.length === 0) return null;
  return invalidBody(
    faults.map(({ path, problem: detail }) => ({ pointer: pointerTo(['settings', ...path]), detail })),
  );
}

async function keyProblem(tx: Queryable, destinationId: string, key: string): Promise<Problem | null> {
  const there = await listAudiences(tx, destinationId);
  if (there.some((one) => one.key === key)) return sameKey(key);
  if (there.length < mostAudiences) return null;
  const detail = `A destination has at most ${mostAudiences} audiences. Delete one that is not needed.`;
  return invalidBody([{ pointer: '', detail }]);
}

const sameKey = (key: string) =>
  invalidBody([{ pointer: '/key', detail: `The destination has an audience ${key}. Change that one.` }]);

function list(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'listAudiences',
      method: 'get',
      path: '/api/destinations/{id}/audiences',
      tag,
      summary: 'List the audiences of a destination',
      description: `By key; all of them, at most ${mostAudiences}.`,
      params: IdPath,
      answers: {
        200: {
          description: 'The audiences.',
          schema: z.object({ data: z.array(Audience) }),
          example: { data: [audienceExample] },
        },
      },
      problems: ['not_found'],
    },
    async ({ params: { id }, path }) => {
      if ((await getDestination(deps.db, id)) === null) return nothingHere(path);
      return { status: 200, body: { data: (await listAudiences(deps.db, id)).map(showAudience) } };
    },
  );
}

function get(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'getAudience',
      method: 'get',
      path: '/api/destinations/{id}/audiences/{audience}',
      tag,
      summary: 'Read an audience',
      params: AudiencePath,
      answers: { 200: { description: 'The audience.', schema: Audience, example: audienceExample } },
      problems: ['not_found'],
    },
    async ({ params, path }) => {
      const found = await getAudience(deps.db, params.id, params.audience);
      return found === null ? nothingHere(path) : { status: 200, body: showAudience(found) };
    },
  );
}

function change(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'changeAudience',
      method: 'patch',
      path: '/api/destinations/{id}/audiences/{audience}',
      tag,
      summary: 'Change an audience',
      description: 'Its name here, and the settings that go with its events from the next slice on.',
      params: AudiencePath,
      body: ChangedAudience,
      bodyExample: { settings: { listId: 'Y6nRLr' } },
      answers: { 200: { description: 'The audience.', schema: Audience, example: audienceExample } },
      problems: ['not_found'],
    },
    async ({ params, path, body }) => {
      const before = await getAudience(deps.db, params.id, params.audience);
      const destination = before === null ? null : await getDestination(deps.db, params.id);
      if (before === null || destination === null) return nothingHere(path);
      const settings = mergeSettings(before.settings, body.settings ?? {});
      const known = readCatalogDocument(destination.type)?.audience ?? null;
      const refused = known === null ? null : settingsProblem(known, settings);
      if (refused !== null) return refused;
      await changeAudience(deps.db, before.id, { name: body.name ?? before.name, settings });
      const after = await getAudience(deps.db, params.id, params.audience);
      return after === null ? nothingHere(path) : { status: 200, body: showAudience(after) };
    },
  );
}

function remove(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'deleteAudience',
      method: 'delete',
      path: '/api/destinations/{id}/audiences/{audience}',
      tag,
      summary: 'Forget an audience',
      description: 'Here alone: the service keeps it. Its events go out without its id from then on.',
      params: AudiencePath,
      answers: { 204: { description: 'It is forgotten.' } },
      problems: ['not_found'],
    },
    async ({ params, path }) =>
      (await deleteAudience(deps.db, params.id, params.audience)) ? { status: 204 } : nothingHere(path),
  );
}
