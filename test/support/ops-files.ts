import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

const file = (path: string) => readFileSync(new URL(`../../ops/${path}`, import.meta.url), 'utf8');

export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

export function readAlerts(): Alert[] {
  const { groups } = parse(file('prometheus/alerts.yml')) as { groups: { rules: Alert[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

export function readPanels(): Panel[] {
  return (JSON.parse(file('grafana/reprise.json')) as { panels: Panel[] }).panels;
}

/** Every expression of both, as Prometheus would get it, and the labels that its texts show. */
export function expressionsOfOps(): {
  readonly where: string;
  readonly expression: string;
  readonly shown: string[];
}[] {
  const panels = readPanels().flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({
      where: title,
      expression: expr.replaceAll('$__rate_interval', '5m'),
      shown: [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label),
    })),
  );
  const alerts = readAlerts().map(({ alert, expr, annotations }) => ({
    where: alert,
    expression: expr,
    shown: [...JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label),
  }));
  return [...panels, ...alerts];
}
