import { expect, test } from 'vitest';
import { nearestName } from '../../src/core/nearest-name.ts';

const known = ['eventsPerSecond', 'requestsPerSecond', 'maxConcurrent', 'name', 'types', 'names'];

test.each([
  ['eventPerSecond', 'eventsPerSecond'],
  ['eventsPerSeconds', 'eventsPerSecond'],
  ['EVENTSPERSECOND', 'eventsPerSecond'],
  ['nmae', 'name'],
  ['nam', 'name'],
  ['type', 'types'],
  ['max_concurrent', 'maxConcurrent'],
])('%s was meant as %s', (asked, meant) => {
  expect(nearestName(asked, known)).toBe(meant);
});

test.each(['fql', 'canary', 'x', '', 'n'.repeat(1_000_000)])('%.20s is like none of them', (asked) => {
  expect(nearestName(asked, known)).toBeNull();
});

test('the nearest of several wins', () => {
  expect(nearestName('nams', ['name', 'names'])).toBe('name');
  expect(nearestName('namess', ['name', 'names'])).toBe('names');
});
