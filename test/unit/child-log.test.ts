import { expect, test } from 'vitest';
import { noteOf, withoutRepeats } from '../../src/dev/child-log.ts';

const line = (entry: Record<string, unknown>) => JSON.stringify({ time: '2026-11-24T12:00:00Z', ...entry });

test('warnings and worse are shown, with their cause', () => {
  expect(noteOf(line({ level: 40, msg: 'destination is down' }))).toBe('destination is down');
  expect(noteOf(line({ level: 50, msg: 'append failed', err: { message: 'disk\nfull' } }))).toBe(
    'append failed: disk full',
  );
});

test('all else stays in the log file', () => {
  expect(noteOf(line({ level: 30, msg: 'ready' }))).toBeNull();
  expect(noteOf('Debugger listening')).toBeNull();
  expect(noteOf('{"level":')).toBeNull();
  expect(noteOf('{"msg":"no level"}')).toBeNull();
});

test('of the Temporal SDK only errors are shown', () => {
  expect(noteOf(line({ level: 40, msg: 'No workflows registered', sdkComponent: 'worker' }))).toBeNull();
  expect(noteOf(line({ level: 50, msg: 'worker failed', sdkComponent: 'worker' }))).toBe('worker failed');
});

test('a note is short', () => {
  expect(noteOf(line({ level: 50, msg: 'x'.repeat(5_000) }))?.length).toBeLessThanOrEqual(300);
});

test('a line that repeats is said once a minute', () => {
  const said: string[] = [];
  let now = 0;
  const say = withoutRepeats(
    (text) => said.push(text),
    60_000,
    () => now,
  );
  say('a');
  say('a');
  say('b');
  now = 59_999;
  say('a');
  now = 60_000;
  say('a');
  expect(said).toEqual(['a', 'b', 'a']);
});
