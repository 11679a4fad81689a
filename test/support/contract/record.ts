import type { Recorded } from '../internet.ts';

/** A request as it can be reviewed: what differs from run to run is named, not shown. */
export interface RequestRecord {
  readonly request: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const everyRequest = new Set([
  'host',
  'connection',
  'content-length',
  'user-agent',
  'accept',
  'accept-encoding',
]);
/** Headers that carry a credential, or are made of one. */
const secretHeader = /authorization|api-?key|token|secret|signature|password|x-amz|access-key|wsse/;

/** Takes from a request what matters, in a form that is the same in every run. */
export function recordOf({ method, url, headers, body }: Recorded): RequestRecord {
  const shown = Object.entries(headers)
    .filter(([name]) => !everyRequest.has(name))
    .map(([name, value]) => [name, secretHeader.test(name) ? '<secret>' : plain(value)] as const);
  return {
    request: `${method} ${plain(url)}`,
    headers: Object.fromEntries(shown.toSorted(([a], [b]) => (a < b ? -1 : 1))),
    ...(body.length > 0 && { body: bodyOf(body, headers['content-type'] ?? '') }),
  };
}

function bodyOf(body: Buffer, type: string): unknown {
  const text = body.toString();
  if (!/^[\s\S]*[^\uFFFD]*$/.test(text) || text.includes('\uFFFD')) return `<${body.length} bytes>`;
  try {
    return JSON.parse(plain(text)) as unknown;
  } catch {
    return type.includes('urlencoded') ? plain(text).split('&') : plain(text);
  }
}

/** A hundred days: what is signed may expire later. */
const near = 8_640_000_000;
const isNear = (ms: number) => Math.abs(ms - Date.now()) < near;

/** A text with times of this day, made-up ids and boundaries named. */
function plain(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?/g, (time) =>
      isNear(Date.parse(time)) ? '<now>' : time,
    )
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d[-_]\d\d[-_]\d\d[-_]\d{3}Z|\d{4}_\d\d_\d\dT[\d_]+Z/g, '<now>')
    .replaceAll(/_[\da-f]{12}__/g, '_<mark>__')
    .replaceAll(/\b\d{16}\b/g, (micros) => (isNear(Number(micros) / 1_000) ? '1111111111111111' : micros))
    .replaceAll(/\b\d{13}\b/g, (ms) => (isNear(Number(ms)) ? '111111111111' : ms))
    .replaceAll(/\b\d{10}\b/g, (seconds) => (isNear(Number(seconds) * 1_000) ? '1111111111' : seconds))
    .replaceAll(/[\da-f]{8}-[\da-f]{4}-[1-57][\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}/gi, '<uuid>')
    .replaceAll(/(sign(?:ature)?|sig)=[\da-f]{32,}/g, '$1=<signature>')
    .replaceAll(/-{4,}[\w]{12,}/g, '<boundary>');
}
