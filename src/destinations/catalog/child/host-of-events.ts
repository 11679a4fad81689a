import type { JobError } from '../protocol.ts';

/** Strings of a payload that are looked at, and characters of each: more than any address has. */
const mostStrings = 2_000;
const longestString = 4_096;
/** With these a service speaks for an account, or was not there: who chose its address decides what they mean. */
const speaksForAll: ReadonlySet<number | undefined> = new Set([undefined, 401, 408, 410, 429, 503]);

/** What a definition was run with when a request failed. */
export interface RunWith {
  /** What the mapping makes of each event; only asked when it matters. */
  readonly payloads: () => readonly unknown[];
  readonly settings: unknown;
  readonly mapping: unknown;
}

/**
 * The error of a job, marked where the address of its last request was chosen by an event: not by the settings, by the
 * mapping's own texts or by the definition. Such an address says nothing of the destination, whoever sends events.
 * @param url of the last request of that run; null: it made none
 */
export function withHostTold(error: JobError, url: string | null, run: RunWith): JobError {
  if (url === null || !speaksForAll.has(error.status)) return error;
  return isOfEvents(url, run) ? { ...error, hostOfEvent: true } : error;
}

function isOfEvents(url: string, { payloads, settings, mapping }: RunWith): boolean {
  const host = hostOf(url);
  if (host === null) return false;
  const own = [...stringsIn([settings, mapping])].map((text) => text.toLowerCase());
  if (own.some((one) => one.includes(host))) return false;
  for (const text of stringsIn(payloads())) {
    if (names(text, host) && !own.some((one) => one.includes(text.toLowerCase()))) return true;
  }
  return false;
}

/** Whether a text is an address on the host, holds its name, or is a part of it, as in `https://{part}.example.com`. */
function names(text: string, host: string): boolean {
  if (text === '' || text.length > longestString) return false;
  const small = text.trim().toLowerCase();
  return (
    small.includes(host) ||
    `.${host}.`.includes(`.${small}.`) ||
    hostOf(text) === host ||
    hostOf(`https://${text}`) === host
  );
}

/** As a request has it: an address can be written in many ways, such as a number for an IP. `file:` has no host. */
function hostOf(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const { hostname, href } = new URL(text);
  return hostname === '' ? href.toLowerCase() : hostname;
}

function* stringsIn(value: unknown): Iterable<string> {
  const open = [value];
  for (let seen = 0; open.length > 0 && seen < mostStrings;) {
    const one = open.pop();
    if (typeof one === 'string') {
      seen += 1;
      yield one;
    } else if (typeof one === 'object' && one !== null) open.push(...Object.values(one));
  }
}
