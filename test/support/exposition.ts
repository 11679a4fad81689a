/** One value of a metric. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric with its samples, as a scrape tells them. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/y;

/**
 * Reads what `/metrics` answers. @throws when a line is none of the format's, or stands outside of its metric
 * Source: prometheus.io, exposition formats, text-based format.
 */
export function readExposition(text: string): Map<string, Family> {
  const families = new Map<string, Omit<Family, 'samples'> & { type: string; samples: Sample[] }>();
  let current = '';
  for (const row of text.split('\n').filter((one) => one !== '')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(row) ?? [];
    if (kind !== undefined) {
      current = name;
      const known = families.get(name) ?? { name, type: '', help: '', samples: [] };
      families.set(name, { ...known, [kind === 'HELP' ? 'help' : 'type']: rest });
      continue;
    }
    const sample = readSample(row);
    const family = families.get(current);
    if (family === undefined || !isOf(sample.name, family))
      throw new Error(`no metric has this line: ${row}`);
    family.samples.push(sample);
  }
  return families;
}

function isOf(name: string, { name: family, type }: Pick<Family, 'name' | 'type'>): boolean {
  const endings =
    type === 'histogram' ? ['_bucket', '_sum', '_count'] : type === 'summary' ? ['', '_sum', '_count'] : [''];
  return endings.some((ending) => name === family + ending);
}

function readSample(row: string): Sample {
  const [, name, inner = '', value] = line.exec(row) ?? [];
  if (name === undefined || value === undefined) throw new Error(`not a line of the format: ${row}`);
  const labels: Record<string, string> = {};
  label.lastIndex = 0;
  for (let end = 0; end < inner.length; end = label.lastIndex) {
    const [, key = '', text = ''] = label.exec(inner) ?? [];
    if (key === '') throw new Error(`labels that are none: ${row}`);
    labels[key] = text.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
  }
  return { name, labels, value: Number(value.replace('Inf', 'Infinity')) };
}

/** The sum of a metric's samples that have all of these labels. @param name with its ending, as in `_count` */
export function valueOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const samples = [...families.values()].flatMap((family) => family.samples);
  return samples
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
}
