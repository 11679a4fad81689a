import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { metricsTable } from '../../src/metrics/reference.ts';

test('the table in docs/metrics.md is what is counted (npm run docs:metrics writes it anew)', () => {
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const [, table = ''] = /<!-- table -->\n([^]*)\n<!-- end of table -->/.exec(page) ?? [];
  expect(table).toBe(metricsTable());
  expect(table.split('\n').length).toBeGreaterThan(40);
});
