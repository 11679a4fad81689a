import { expect, test } from 'vitest';
import type { ApiDeps } from '../../src/api/deps.ts';
import { changedBy, readersOf } from '../../src/api/audit/thing.ts';
import { apiRoutes } from '../../src/api/routes.ts';

const routes = apiRoutes({} as ApiDeps);
const readers = readersOf(routes);

/** What the audit log has as `before` of every change that the API takes. Several are meant, or one is made: null. */
const before: Readonly<Record<string, string | null>> = {
  createSource: null,
  changeSource: 'getSource',
  deleteSource: 'getSource',
  rotateWriteKey: 'getSource',
  createDestination: null,
  changeDestination: 'getDestination',
  deleteDestination: 'getDestination',
  testDestination: 'getDestination',
  pauseStream: 'getDestination',
  resumeStream: 'getDestination',
  previewDestination: 'getDestination',
  listFieldChoices: 'getDestination',
  giveUpInStream: 'getDestination',
  createAudience: null,
  changeAudience: 'getAudience',
  deleteAudience: 'getAudience',
  createReplay: null,
  changeReplay: 'getReplay',
  pauseReplay: 'getReplay',
  resumeReplay: 'getReplay',
  cancelReplay: 'getReplay',
  giveUpInReplay: 'getReplay',
  retryFailed: null,
  retryDeadLetters: null,
  createImport: null,
  resumeImport: 'getImport',
  retryRejectedEvents: null,
  createSuppression: null,
  createSuppressions: null,
  liftSuppression: 'getSuppression',
  createDeletion: null,
  changeRetention: 'getRetention',
  createToken: null,
  changeToken: 'getToken',
  revokeToken: 'getToken',
  createNotification: null,
  changeNotification: 'getNotification',
  deleteNotification: 'getNotification',
  testNotification: 'getNotification',
  rotateSecretKey: 'getSecretKeys',
};

test('each route that may change something has the thing that it changes as `before`', () => {
  const found = routes
    .filter(({ shape }) => shape.method !== 'get')
    .map(({ shape }) => [shape.operationId, changedBy(shape, readers).reader?.shape.operationId ?? null]);
  expect(Object.fromEntries(found)).toEqual(before);
});

test('what changes or deletes a thing, but does not make it, is never without one', () => {
  const without = routes.filter(
    ({ shape }) =>
      (shape.method === 'patch' || shape.method === 'delete') && changedBy(shape, readers).reader === null,
  );
  expect(without).toEqual([]);
});
