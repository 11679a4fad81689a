import { parser } from '@prometheus-io/lezer-promql';

/** What an expression asks for. */
export interface Asked {
  readonly metrics: readonly string[];
  /** Labels of matchers, each with the metric that it stands at. */
  readonly matched: readonly { readonly metric: string; readonly label: string }[];
  /** Labels of `by`, `on` and their like. */
  readonly grouped: readonly string[];
}

/** Takes a PromQL expression apart. @throws when it is none */
export function readPromql(expression: string): Asked {
  const metrics: string[] = [];
  const matched: { metric: string; label: string }[] = [];
  const grouped: string[] = [];
  let metric = '';
  let inGrouping = 0;
  parser.parse(expression).iterate({
    enter: ({ name, type, from, to }) => {
      const text = expression.slice(from, to);
      if (type.isError) throw new Error(`not PromQL at ${from}: ${expression}`);
      if (name === 'VectorSelector') {
        metric = /^[\w:]+/.exec(text)?.[0] ?? '';
        metrics.push(metric);
      }
      if (name === 'GroupingLabels') inGrouping += 1;
      if (name !== 'LabelName') return;
      if (inGrouping > 0) grouped.push(text);
      else matched.push({ metric, label: text });
    },
    leave: ({ name }) => {
      if (name === 'GroupingLabels') inGrouping -= 1;
    },
  });
  return { metrics, matched, grouped };
}
