/** Why something failed, in words: Node gives a failed connection to a name with several addresses none of its own. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return message === undefined || message === '' ? (code ?? 'unknown') : message;
}
