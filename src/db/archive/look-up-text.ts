/** A text as the look-up columns have it: NUL and lone surrogates, which Postgres cannot hold, stand as U+FFFD. */
export function lookUpText(value: string): string {
  return value.replaceAll('\0', '\uFFFD').toWellFormed();
}
