import type { z } from 'zod';
import { changeNotification, lockNotification } from '../../db/notifications.ts';
import type { Queryable } from '../../db/sql.ts';
import { newWebhookSecret } from '../../destinations/webhook-signature.ts';
import type { AuditNotes } from '../audit/notes.ts';
import { changing } from '../changing.ts';
import type { ApiDeps } from '../deps.ts';
import { openNotification, sealNotification } from '../notifications/settings.ts';
import { isProblem } from '../problem.ts';
import { nothingHere, route, type Route } from '../route.ts';
import { IdPath } from '../schemas/fields.ts';
import { ChangedNotification, notificationExample, NotificationWithSecret } from '../schemas/notification.ts';
import { addressRefusal, answerOf, tag, unreadable } from './notifications.ts';

/** Changing a notification. */
export function notificationChangeRoutes(deps: ApiDeps): Route[] {
  return [change(deps)];
}

function change(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'changeNotification',
      method: 'patch',
      path: '/api/notifications/{id}',
      tag,
      summary: 'Change a notification',
      description:
        'Only what is named changes. What waits goes to the new address, signed with the new secret, and is tried at once. Other `events` count for what happens from then on.',
      params: IdPath,
      body: ChangedNotification,
      bodyExample: { events: ['replay.failed'], secret: null },
      answers: {
        200: {
          description: 'The notification.',
          schema: NotificationWithSecret,
          example: {
            ...notificationExample,
            events: ['replay.failed'],
            secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
          },
        },
      },
      problems: ['not_found', 'settings_unreadable'],
    },
    async ({ params: { id }, body, path, notes }) => {
      const made = await changing(deps.db, (tx) => apply(deps, tx, id, { body, notes }));
      if (isProblem(made)) return made.problem === 'not_found' ? nothingHere(path) : made;
      return { status: 200, body: made };
    },
  );
}

async function apply(
  deps: ApiDeps,
  tx: Queryable,
  id: string,
  { body, notes }: { readonly body: z.output<typeof ChangedNotification>; readonly notes: AuditNotes },
) {
  const record = await lockNotification(tx, id);
  if (record === null) return nothingHere(id);
  const { url, secret, name, events } = body;
  const refused = url === undefined ? null : addressRefusal(url, deps);
  if (refused !== null) return refused;
  const settings = openNotification(record.settingsSealed, id, deps.keyring);
  const changes = url !== undefined || secret !== undefined;
  if (settings === null && changes) return unreadable;
  const next = {
    url: url ?? settings?.url ?? '',
    secret: secret === null ? newWebhookSecret() : (secret ?? settings?.secret ?? ''),
  };
  if (changes) notes.unseen({ ...settings }, next);
  const changed = await changeNotification(tx, id, {
    name,
    events,
    ...(changes && { settingsSealed: sealNotification(next, id, deps.keyring) }),
  });
  return { ...answerOf(deps, changed!), ...(secret === null && { secret: next.secret }) };
}
