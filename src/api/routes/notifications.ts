import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import {
  deleteNotification,
  getNotification,
  insertNotification,
  listNotifications,
  type NotificationRecord,
} from '../../db/notifications.ts';
import { checkUrl } from '../../destinations/egress-url.ts';
import { shownAddress, testNotification } from '../../destinations/notification-sender.ts';
import { newWebhookSecret } from '../../destinations/webhook-signature.ts';
import { creatingRoute } from '../creating.ts';
import type { ApiDeps } from '../deps.ts';
import { testPayload } from '../notifications/payload.ts';
import { openNotification, requestDeadlineMs, sealNotification } from '../notifications/settings.ts';
import { pageOfRows, placeOfCursor } from '../page.ts';
import { isProblem, problem, type Problem } from '../problem.ts';
import { invalidBody, nothingHere, route, type Route } from '../route.ts';
import { IdPath, pageOf, pageQuery } from '../schemas/fields.ts';
import {
  NewNotification,
  Notification,
  notificationExample,
  NotificationWithSecret,
  showNotification,
} from '../schemas/notification.ts';
import { TestResult } from '../schemas/test-result.ts';

export const tag = 'Notifications';
const Place = z.tuple([z.int(), z.uuid()]);
/** Each costs every operator event a row in the transaction that makes it so. */
const most = 50;

/** Telling operators of events, at addresses of theirs; changing one stands apart. */
export function notificationRoutes(deps: ApiDeps): Route[] {
  return [create(deps), list(deps), get(deps), remove(deps), test(deps)];
}

/** A notification as it is answered. */
export function answerOf({ keyring }: ApiDeps, record: NotificationRecord): z.input<typeof Notification> {
  const settings = openNotification(record.settingsSealed, record.id, keyring);
  return showNotification(record, settings === null ? null : shownAddress(settings));
}

/** The refusal of an address that may not be dialled, or null. */
export function addressRefusal(url: string, { egress }: ApiDeps): Problem | null {
  const check = checkUrl(url, egress);
  return check.ok ? null : invalidBody([{ pointer: '/url', detail: check.problem }]);
}

function create(deps: ApiDeps): Route {
  return creatingRoute(
    deps,
    {
      operationId: 'createNotification',
      method: 'post',
      path: '/api/notifications',
      tag,
      summary: 'Have operator events sent to an address',
      description: `Each operator event (\`GET /api/operator-events\`) from then on is POSTed to the address, signed by Standard Webhooks; docs/notifications.md has what it carries and how to check it. A secret that is absent is generated, and shown in this answer only.

An event is sent again until the receiver answers 2xx within 10 seconds, whatever ends in between, for three days; \`webhook-id\` stays the same, so that a receiver can drop what it has. No order is promised. Each receiver has one request under way at a time. There may be ${most} of them.`,
      body: NewNotification,
      bodyExample: {
        url: 'https://example.com/hooks/reprise',
        name: 'On call',
        events: ['replay.failed', 'destination.down', 'destination.recovered'],
      },
      answers: {
        201: {
          description: 'The notification.',
          schema: NotificationWithSecret,
          example: {
            ...notificationExample,
            lastDeliveredAt: null,
            secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
          },
        },
      },
      problems: ['too_many_notifications'],
    },
    async ({ body: { url, name, events, secret } }, tx) => {
      const refused = addressRefusal(url, deps);
      if (refused !== null) return refused;
      const id = randomUUID();
      const settings = { url, secret: secret ?? newWebhookSecret() };
      const settingsSealed = sealNotification(settings, id, deps.keyring);
      const called = name ?? new URL(url).host;
      const made = await insertNotification(tx, { id, name: called, settingsSealed, events }, most);
      if (made === null) return tooMany;
      const generated = secret === undefined ? { secret: settings.secret } : {};
      const headers = { location: `/api/notifications/${id}` };
      return { answer: { status: 201, body: { ...answerOf(deps, made), ...generated }, headers } };
    },
  );
}

const tooMany = problem(
  'too_many_notifications',
  `There are ${most} notifications, as many as there may be. Delete one, or let one receiver pass on to others.`,
);

function list(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'listNotifications',
      method: 'get',
      path: '/api/notifications',
      tag,
      summary: 'List notifications',
      description: 'Newest first.',
      query: z.strictObject(pageQuery),
      answers: {
        200: {
          description: 'A page of notifications.',
          schema: pageOf(Notification),
          example: { data: [notificationExample], nextCursor: null },
        },
      },
    },
    async ({ query: { limit, cursor } }) => {
      const start = placeOfCursor('notifications', cursor, Place);
      if (isProblem(start)) return start;
      const after = start.place === null ? {} : { after: start.place };
      const rows = await listNotifications(deps.db, { limit: limit + 1, ...after });
      const show = (row: NotificationRecord) => answerOf(deps, row);
      const page = pageOfRows({ list: 'notifications', rows, limit, placeOf: (row) => row.place, show });
      return { status: 200, body: page };
    },
  );
}

function get(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'getNotification',
      method: 'get',
      path: '/api/notifications/{id}',
      tag,
      summary: 'Read a notification',
      description: 'With how many events it is still to be told of, and how sending fares.',
      params: IdPath,
      answers: {
        200: { description: 'The notification.', schema: Notification, example: notificationExample },
      },
      problems: ['not_found'],
    },
    async ({ params, path }) => {
      const record = await getNotification(deps.db, params.id);
      return record === null ? nothingHere(path) : { status: 200, body: answerOf(deps, record) };
    },
  );
}

function remove(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'deleteNotification',
      method: 'delete',
      path: '/api/notifications/{id}',
      tag,
      summary: 'Delete a notification',
      description:
        'Nothing is sent to it any more, also not what waits; a request under way may still arrive.',
      params: IdPath,
      answers: { 204: { description: 'It is deleted.' } },
      problems: ['not_found'],
    },
    async ({ params, path }) => {
      const deleted = await deps.db.transaction((tx) => deleteNotification(tx, params.id));
      return deleted ? { status: 204 } : nothingHere(path);
    },
  );
}

function test(deps: ApiDeps): Route {
  return route(
    {
      operationId: 'testNotification',
      role: 'operator',
      method: 'post',
      path: '/api/notifications/{id}/test',
      tag,
      summary: 'Send a test event',
      description:
        'A signed event of the type `notification.test` goes to the address, once, whatever it is told of otherwise.',
      params: IdPath,
      answers: {
        200: {
          description: 'How it went; `ok` says whether the receiver took it.',
          schema: TestResult,
          example: { ok: true, message: 'The receiver took the test event.', latencyMs: 41 },
        },
      },
      problems: ['not_found', 'settings_unreadable'],
    },
    async ({ params: { id }, path }) => {
      const record = await getNotification(deps.db, id);
      if (record === null) return nothingHere(path);
      const settings = openNotification(record.settingsSealed, id, deps.keyring);
      if (settings === null) return unreadable;
      const body = testPayload(new Date().toISOString());
      return { status: 200, body: await testNotification(settings, deps.egress, requestDeadlineMs, body) };
    },
  );
}

/** The refusal when address and secret cannot be opened. */
export const unreadable = problem(
  'settings_unreadable',
  'Address and secret were sealed with another REPRISE_SECRET_KEY. Start the server with that key, or delete the notification and make it again.',
);
