import { expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';

test.each([
  ['PORT', 'abc', 'expected number'],
  ['REPRISE_WORKERS', 'many', 'expected number'],
  ['REPRISE_LOG_LEVEL', 'loud', 'expected one of "trace"|"debug"|"info"'],
  ['REPRISE_DEDUPE_DAYS', '0.5', 'expected int'],
  ['DATABASE_URL', 'http://localhost', 'expected postgres://user:password@host:port/database'],
  ['TEMPORAL_ADDRESS', 'localhost', 'expected host:port'],
])('%s=%s is told with what is expected', (name, value, expected) => {
  expect(() => readConfig({ [name]: value })).toThrow(`  ${name}: ${expected}`);
});
