import type { z } from 'zod';
import { getDestination } from '../../db/destinations.ts';
import { tokenRows } from '../../db/token-refresh.ts';
import { dynamicFieldOf } from '../../destinations/catalog/dynamic-field.ts';
import { readCatalogDocument } from '../../destinations/catalog/read.ts';
import { loadDefinition } from '../../destinations/registry.ts';
import { createRenew } from '../../destinations/token-renewal.ts';
import type { ApiDeps } from '../deps.ts';
import { problem } from '../problem.ts';
import { nothingHere, route, type Route } from '../route.ts';
import { ChoicesAsked, FieldChoices, FieldPath } from '../schemas/field-choices.ts';
import { openSettings } from '../settings.ts';
import { tag, unreadableSettings } from './destinations.ts';

/** What can be chosen for a field of a mapping: the destination itself lists it. */
export function fieldChoicesRoute(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'listFieldChoices',
      role: 'operator',
      method: 'post',
      path: '/api/destinations/{id}/actions/{action}/fields/{field}/choices',
      tag,
      summary: 'List the choices of a field',
      description:
        'Asks the service, by the definition’s own code and with the destination’s settings, what can stand in a field of a mapping, as the ids of its lists or accounts. Sends no event and changes nothing.',
      params: FieldPath,
      body: ChoicesAsked,
      bodyOptional: true,
      bodyExample: { payload: { adAccountId: 'urn:li:sponsoredAccount:1' } },
      answers: {
        200: {
          description: 'The choices.',
          schema: FieldChoices,
          example: {
            choices: [{ label: 'Acme, EUR', value: 'urn:li:sponsoredAccount:5123' }],
            nextPage: null,
          },
        },
      },
      problems: ['not_found', 'settings_unreadable', 'destination_failed'],
    },
    async ({ params: { id, action, field }, body, path }) => {
      const destination = await getDestination(deps.db, id);
      const definition = destination === null ? null : await loadDefinition(destination.type);
      if (destination === null || definition === null) return nothingHere(path);
      const known = readCatalogDocument(destination.type)?.actions.find(({ name }) => name === action);
      const asked = known === undefined ? null : dynamicFieldOf(known, field);
      if (asked === null || definition.ask === undefined)
        return noChoices(destination.type, action, field, known?.dynamicFields);
      const settings = openSettings(destination.settingsSealed, id, deps.keyring);
      if (settings === null) return unreadableSettings;
      const renew = createRenew(tokenRows(deps.db, id), deps.keyring, id);
      const question = { kind: 'choices', action, ...asked, ...body } as const;
      const told = await definition.ask(settings, { egress: deps.egress, renew }, question);
      if (told.ok) return { status: 200, body: show(told.value) };
      return problem('destination_failed', `The choices of ${field} could not be had: ${told.message}`);
    },
  );
}

function noChoices(type: string, action: string, field: string, dynamic: readonly string[] | undefined) {
  const remedy =
    dynamic === undefined
      ? `${type} has no action "${action}".`
      : `The destination lists no choices for "${field}" of ${action}. It does for: ${dynamic.join(', ') || 'none of its fields'}.`;
  return problem('not_found', remedy);
}

/** Definitions are not strict about what they answer. */
function show(value: unknown): z.input<typeof FieldChoices> {
  const { choices, nextPage } = (value ?? {}) as Record<string, unknown>;
  const listed = Array.isArray(choices) ? (choices as unknown[]) : [];
  return {
    choices: listed.flatMap((choice) => {
      const { label, value: chosen, description } = (choice ?? {}) as Record<string, unknown>;
      if (!isPlain(chosen)) return [];
      const text = isPlain(label) ? String(label) : String(chosen);
      return [{ label: text, value: chosen, ...(typeof description === 'string' && { description }) }];
    }),
    nextPage: isPlain(nextPage) && nextPage !== '' && nextPage !== false ? String(nextPage) : null,
  };
}

const isPlain = (value: unknown): value is string | number | boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
