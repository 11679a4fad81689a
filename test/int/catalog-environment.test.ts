import { expect, test, vi } from 'vitest';
import { catalogEnvironment, readCatalogDocument } from '../../src/destinations/catalog/read.ts';
import { drive } from '../support/contract/drive.ts';
import { openInternet } from '../support/internet.ts';

// A file of its own: the children of a process are given what was set when they started.
test('a definition gets what it reads of the environment, and nothing else of it', async () => {
  vi.stubEnv('DOTDIGITAL_AUDIENCES_PARTNER_SECRET', 'a-partner-secret');
  vi.stubEnv('REPRISE_SECRET_KEY', 'not-for-definitions');
  const internet = await openInternet(() => ({ status: 200, body: '{}' }));
  const driven = await drive(readCatalogDocument('actions-dotdigital-audiences')!, internet);
  await internet.close();
  const outcomes = driven.flatMap(({ outcome }) => outcome).join(' ');
  expect(driven.length).toBeGreaterThan(0);
  expect(outcomes).not.toContain('partner token is not set');
  expect(catalogEnvironment()).toContain('DOTDIGITAL_AUDIENCES_PARTNER_SECRET');
  expect(catalogEnvironment().filter((name) => name.startsWith('REPRISE_'))).toEqual([]);
});
