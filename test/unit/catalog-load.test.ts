import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { loadPackageDefinition } from '../../src/destinations/catalog/load.ts';
import { catalogSummaries, readCatalogDocument } from '../../src/destinations/catalog/read.ts';

const { cache } = createRequire(import.meta.url);

/** The folders of the definitions whose code this process has loaded. */
function loadedFolders(): string[] {
  const folders = Object.keys(cache).flatMap((file) => {
    const [, folder] = /action-destinations\/dist\/destinations\/([\w-]+)\//.exec(file) ?? [];
    return folder === undefined ? [] : [folder];
  });
  return [...new Set(folders)];
}

test('definitions are loaded one by one, on first use', () => {
  expect(catalogSummaries()).toHaveLength(216);
  expect(readCatalogDocument('actions-slack')?.title).toBe('Slack');
  expect(loadedFolders()).toEqual([]);

  const slack = loadPackageDefinition('actions-slack');
  expect(slack?.name).toBe('Slack');
  expect(typeof slack?.actions['postToChannel']?.perform).toBe('function');
  expect(loadedFolders()).toEqual(['slack']);

  const twilio = loadPackageDefinition('actions-twilio');
  expect(twilio?.slug).toBe('actions-twilio');
  expect(loadedFolders().toSorted()).toEqual(['slack', 'twilio']);
});

test('a type that the catalog does not have leads to no file', () => {
  for (const type of ['slack', '../index', 'index', '', 'actions-slack/postToChannel', '__proto__']) {
    expect(loadPackageDefinition(type), type).toBeNull();
    expect(readCatalogDocument(type), type).toBeNull();
  }
});
