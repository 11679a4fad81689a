/** JSON text that jsonb takes: NUL and lone surrogates, which it refuses, become U+FFFD. */
export function toJsonb(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'string' ? member.replaceAll('\0', '\uFFFD').toWellFormed() : member,
  );
}
