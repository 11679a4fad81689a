/** What has a value; undefined when nothing has. */
export function given(fields: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
  const there = Object.entries(fields).filter(([, value]) => value !== undefined);
  return there.length === 0 ? undefined : Object.fromEntries(there);
}
