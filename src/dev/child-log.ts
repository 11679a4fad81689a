/** pino's level of a warning. Source: pino, docs/api.md#level. */
const warning = 40;
const error = 50;
const maxNote = 300;

/** What of a child's log line a person at the terminal should see: warnings and worse; null for all else. */
export function noteOf(line: string): string | null {
  const entry = parse(line);
  if (entry === null || typeof entry['level'] !== 'number') return null;
  // Temporal's SDK warns of much that is meant to be so.
  if (entry['level'] < ('sdkComponent' in entry ? error : warning)) return null;
  const cause = entry['err'];
  const because = isRecord(cause) && typeof cause['message'] === 'string' ? `: ${cause['message']}` : '';
  const words = typeof entry['msg'] === 'string' ? entry['msg'] : 'a warning without words';
  return `${words}${because}`.replaceAll('\n', ' ').slice(0, maxNote);
}

/** Lets the same line through once in `everyMs`, so that one that repeats does not fill the terminal. */
export function withoutRepeats(
  say: (line: string) => void,
  everyMs: number,
  now: () => number,
): (line: string) => void {
  const saidAt = new Map<string, number>();
  return (line) => {
    const time = now();
    for (const [old, at] of saidAt) if (time - at >= everyMs) saidAt.delete(old);
    if (saidAt.has(line)) return;
    saidAt.set(line, time);
    say(line);
  };
}

function parse(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) return null;
  try {
    const entry: unknown = JSON.parse(line);
    return isRecord(entry) ? entry : null;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
