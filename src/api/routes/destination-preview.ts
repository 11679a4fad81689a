import { getDestination } from '../../db/destinations.ts';
import { loadDefinition } from '../../destinations/registry.ts';
import type { ApiDeps } from '../deps.ts';
import { preview } from '../preview.ts';
import { isProblem } from '../problem.ts';
import { nothingHere, route, type Route } from '../route.ts';
import { IdPath } from '../schemas/fields.ts';
import { Preview, PreviewAsked, previewExample } from '../schemas/preview.ts';
import { openSettings } from '../settings.ts';
import { tag, unreadableSettings } from './destinations.ts';

/** What a destination would be sent of events, without sending it. */
export function destinationPreviewRoute(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'previewDestination',
      role: 'operator',
      method: 'post',
      path: '/api/destinations/{id}/preview',
      tag,
      summary: 'Preview deliveries',
      description:
        'For each event and each action: what holds the event back, or what the mapping makes of it and the requests that would leave, secrets hidden. Nothing is sent and nothing is counted. What becomes of an event whose mapping fails stands with it, as everything else.',
      params: IdPath,
      body: PreviewAsked,
      bodyExample: { eventIds: [182_340, 'node-next-1763803798120-5f0c'], actions: ['Send event'] },
      answers: {
        200: {
          description: 'The previews, in the order of the events.',
          schema: Preview,
          example: previewExample,
        },
      },
      problems: ['not_found', 'settings_unreadable'],
    },
    async ({ params, path, body, rawBody }) => {
      const destination = await getDestination(deps.db, params.id);
      const definition = destination === null ? null : await loadDefinition(destination.type);
      if (destination === null || definition === null) return nothingHere(path);
      const settings = openSettings(destination.settingsSealed, destination.id, deps.keyring);
      if (settings === null) return unreadableSettings;
      const of = { destination, definition, settings, egress: deps.egress };
      const made = await preview(deps.db, of, { asked: body, rawBody });
      // As text, so that no record of changes keeps what stands in events.
      return isProblem(made) ? made : { status: 200, text: JSON.stringify(made) };
    },
  );
}
