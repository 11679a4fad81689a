import { expect, test } from 'vitest';
import { expressionsOfOps, readAlerts, readPanels } from '../support/ops-files.ts';
import { readPromql } from '../support/promql.ts';

test('every alert says how urgent it is, what it means and what to do', () => {
  const alerts = readAlerts();
  expect(alerts.length).toBeGreaterThan(10);
  expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
  for (const { alert, for: since, labels, annotations } of alerts) {
    expect(alert).toMatch(/^Reprise[A-Z]\w+$/);
    expect(since, alert).toMatch(/^\d+[mh]$/);
    expect(['info', 'warning', 'critical'], alert).toContain(labels.severity);
    expect(annotations.summary.length, alert).toBeGreaterThan(15);
    expect(annotations.description.length, alert).toBeGreaterThan(15);
  }
});

test('the panels of the dashboard have ids and places of their own', () => {
  const panels = readPanels();
  expect(panels.length).toBeGreaterThan(25);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const cells = panels.map(({ gridPos: { x, y } }) => `${x} ${y}`);
  expect(new Set(cells).size).toBe(cells.length);
});

test('every expression is PromQL', () => {
  for (const { where, expression } of expressionsOfOps()) {
    expect(readPromql(expression).metrics.length, where).toBeGreaterThan(0);
  }
  expect(() => readPromql('sum(rate(a[5m])) by')).toThrow();
  expect(() => readPromql('sum(rate(a[5m]) /')).toThrow();
});

test('an expression is taken apart', () => {
  const asked = readPromql(
    'sum by (le, kind) (rate(a_bucket{x="1", y!~"2"}[5m])) / on (kind) group_left (name) b',
  );
  expect(asked).toEqual({
    metrics: ['a_bucket', 'b'],
    matched: [
      { metric: 'a_bucket', label: 'x' },
      { metric: 'a_bucket', label: 'y' },
    ],
    grouped: ['le', 'kind', 'kind', 'name'],
  });
});
