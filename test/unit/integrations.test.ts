import { expect, it } from 'vitest';
import { optsOut } from '../../src/core/integrations.ts';

const destination = {
  id: '0f4b1d0e-52ab-4a0e-8e57-2f6c0a9d1e33',
  name: 'Warehouse copy',
  type: 'webhook',
};

it.each([
  ['nothing is said', null, false],
  ['everybody is excluded', { All: false }, true],
  ['everybody is excluded, in lower case', { all: false }, true],
  ['All goes before all', { all: false, All: true }, false],
  ['others are excluded', { Mixpanel: false }, false],
  ['its name is excluded', { 'Warehouse copy': false }, true],
  ['its type is excluded', { webhook: false }, true],
  ['its id is excluded', { [destination.id]: false }, true],
  ['only its name is wanted', { All: false, 'Warehouse copy': true }, false],
  ['only its type is wanted, with options', { All: false, webhook: { path: '/a' } }, false],
  ['its name goes before its type', { webhook: false, 'Warehouse copy': true }, false],
  ['its id goes before its name', { 'Warehouse copy': true, [destination.id]: false }, true],
  ['a name in another case is another name', { 'warehouse copy': false, Webhook: false }, false],
  ['only false is no', { webhook: 0, All: null }, false],
] as const)('%s', (_, says, expected) => {
  expect(optsOut(says === null ? null : JSON.stringify(says), destination)).toBe(expected);
});

it('takes no member that the event does not have', () => {
  const odd = { ...destination, name: 'constructor', type: '__proto__' };
  expect(optsOut('{"All":false}', odd)).toBe(true);
  expect(optsOut('{"All":false,"__proto__":true}', odd)).toBe(false);
});
