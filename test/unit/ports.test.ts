import { expect, test } from 'vitest';
import { freePort } from '../../src/dev/ports.ts';

const freeExcept =
  (...taken: number[]) =>
  async (port: number) =>
    !taken.includes(port);

test('the usual port is taken when it is free', async () => {
  expect(await freePort(4000, freeExcept())).toBe(4000);
});

test('the next free one is taken when it is not', async () => {
  expect(await freePort(4000, freeExcept(4000, 4001))).toBe(4002);
});

test('a port that browsers refuse to open is passed over', async () => {
  expect(await freePort(4044, freeExcept(4044))).toBe(4046);
  expect(await freePort(6000, freeExcept())).toBe(6001);
});

test('with none free nearby, the system chooses', async () => {
  const port = await freePort(4000, async () => false);
  expect(port).toBeGreaterThan(1023);
});

test('0 lets the system choose', async () => {
  expect(await freePort(0, freeExcept())).toBeGreaterThan(1023);
});

test('ports end at 65,535', async () => {
  const asked: number[] = [];
  await freePort(65_530, async (port) => {
    asked.push(port);
    return false;
  });
  expect(asked).toEqual([65_530, 65_531, 65_532, 65_533, 65_534, 65_535]);
});
