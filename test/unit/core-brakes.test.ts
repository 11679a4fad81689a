import { describe, expect, it } from 'vitest';
import { addEndings, brakeReason, noEndings, type Endings } from '../../src/core/brakes.ts';
import { healthy, stillDown, type Down } from '../../src/core/health.ts';
import { failureOf } from '../support/lanes.ts';

/** A lane in which, again and again, so many are taken and then so many die. */
function after(cycles: number, taken: number, ...died: string[]): Endings {
  let endings = noEndings;
  for (let cycle = 0; cycle < cycles; cycle++) endings = addEndings(endings, taken, died);
  return endings;
}

const reasonOf = (endings: Endings, released: string[] = []) => brakeReason(endings, healthy, 0, released);

describe('a replay goes on', () => {
  it('when all goes well, and when few are given up on', () => {
    expect(reasonOf(noEndings)).toBeNull();
    expect(reasonOf(after(10_000, 1))).toBeNull();
    expect(reasonOf(after(1_000, 19, 'http_400'))).toBeNull(); // a twentieth, for ever
    expect(reasonOf(after(1, 0, ...Array.from({ length: 49 }, (_, index) => `class_${index}`)))).toBeNull();
  });

  it('when many were given up on long ago', () => {
    let endings = after(99, 0, 'http_400');
    expect(reasonOf(endings)).toBe('error_rate');
    endings = addEndings(endings, 3_000, []);
    expect(reasonOf(endings)).toBeNull();
    endings = addEndings(endings, 0, ['http_400', 'http_400']);
    expect(reasonOf(endings)).toBeNull();
  });
});

describe('a replay pauses', () => {
  it('when half of everything is given up on, whatever the classes', () => {
    const classes = Array.from({ length: 30 }, (_, index) => `class_${index}`);
    expect(reasonOf(after(2, 28, ...classes))).toBe('error_rate');
    expect(reasonOf(after(2, 90, ...classes))).toBeNull();
  });

  it('when one failure comes over and over between successes', () => {
    expect(reasonOf(after(100, 4, 'http_422'))).toBeNull();
    expect(reasonOf(after(145, 4, 'http_422'))).toBe('repeated_error: http_422');
    expect(reasonOf(after(145, 4, 'http_422'), ['repeated_error: http_422'])).toBeNull();
    expect(reasonOf(after(145, 4, 'http_422'), ['repeated_error: http_400'])).not.toBeNull();
  });

  it.each([
    ['destination_refuses', 120_000],
    ['unauthorized', 30_000],
  ] as const)('when it is held by %s for %i ms', (reason, limitMs) => {
    const down = { reason, waitMs: 1_000 } as Down;
    const failure = failureOf('http_403', 403);
    const held = (downForMs: number) => stillDown(down, failure, 1_000_000, { downForMs });
    const of = (downForMs: number, released: string[] = []) =>
      brakeReason(noEndings, held(downForMs), 1_000_000, released);
    expect(of(limitMs - 1)).toBeNull();
    expect(of(limitMs)).toBe(`${reason}: http_403`);
    expect(of(limitMs, [`${reason}: http_403`])).toBeNull();
  });

  it.each(['destination_down', 'throttled'] as const)('never because of %s', (reason) => {
    const health = stillDown({ reason, waitMs: 1_000 }, failureOf('x'), 0, { downForMs: 1e12 });
    expect(brakeReason(noEndings, health, 0, [])).toBeNull();
  });
});
