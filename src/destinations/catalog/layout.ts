const width = 140;

/**
 * JSON that people can review: what fits on a line stands on one, so that a field is a line and a change of it is one
 * line of a diff.
 */
export function laidOut(value: unknown, indent = ''): string {
  const flat = JSON.stringify(value);
  if (typeof value !== 'object' || value === null || indent.length + flat.length <= width) return flat;
  const deeper = `${indent} `;
  const lines = Array.isArray(value)
    ? value.map((item) => `${deeper}${laidOut(item, deeper)}`)
    : Object.entries(value)
        .filter(([, member]) => member !== undefined)
        .map(([name, member]) => `${deeper}${JSON.stringify(name)}: ${laidOut(member, deeper)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${lines.join(',\n')}\n${indent}${close}`;
}
