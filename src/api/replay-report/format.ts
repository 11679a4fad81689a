export const formats = ['json', 'csv', 'markdown'] as const;
export type Format = (typeof formats)[number];

const types: Readonly<Record<string, Format>> = {
  'application/json': 'json',
  'application/*': 'json',
  '*/*': 'json',
  'text/csv': 'csv',
  'text/markdown': 'markdown',
  'text/*': 'markdown',
};

/**
 * The format that an Accept header likes best (RFC 9110, 12.5.1), among equals the one that it names first; JSON when
 * it likes none.
 */
export function formatOf(accept: string | undefined): Format {
  const wanted = (accept ?? '').split(',').flatMap((part) => {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const format = Object.hasOwn(types, type) ? types[type] : undefined;
    const weight = Number(parameters.find((text) => text.startsWith('q='))?.slice(2) ?? 1);
    return format === undefined || !(weight > 0) ? [] : [{ format, weight }];
  });
  return wanted.toSorted((a, b) => b.weight - a.weight)[0]?.format ?? 'json';
}
