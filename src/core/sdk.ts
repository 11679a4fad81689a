import { isJsonObject } from './rejection.ts';

/** The client library that sent an event. */
export interface Sdk {
  readonly name: string;
  /** Empty: it did not say. */
  readonly version: string;
}

/** One request comes from one library, unless something forwards for many. */
const maxSdksOfRequest = 10;
const maxTextLength = 100;

/**
 * The client libraries that events say they come from. Source: segment-docs, connections/spec/common, context.library.
 * @param inherited the context of their batch, which counts where an event's own has no library
 * @returns each once, and only the first ten
 */
export function sdksOf(events: readonly unknown[], inherited: unknown): Sdk[] {
  const found: Sdk[] = [];
  const shared = libraryIn(inherited);
  let last: unknown;
  for (const event of events) {
    const library = (isJsonObject(event) ? libraryIn(event['context']) : undefined) ?? shared;
    if (!isJsonObject(library) || library === last) continue;
    last = library;
    const name = textOf(library['name']);
    const version = textOf(library['version']);
    if (name === '' || found.some((sdk) => sdk.name === name && sdk.version === version)) continue;
    found.push({ name, version });
    if (found.length === maxSdksOfRequest) break;
  }
  return found;
}

/**
 * The client library that a request's User-Agent names: a name and a version, and nothing else. Browsers and mail
 * clients name many things, and are no libraries. Source: RFC 9110, 10.1.5; names may have spaces, as Customer.io's own
 * have ("Customer.io Node Client/5.2.0").
 */
export function sdkOfUserAgent(userAgent: string | undefined): Sdk | null {
  const [, name, version] =
    /^(?!Mozilla\/)([\w.+-][\w.+ -]{0,99})\/([\w.+-]{1,100})$/.exec(userAgent ?? '') ?? [];
  return name === undefined || version === undefined ? null : { name, version };
}

function libraryIn(context: unknown): unknown {
  return isJsonObject(context) ? context['library'] : undefined;
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, maxTextLength) : '';
}
