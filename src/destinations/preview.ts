import { gunzipSync } from 'node:zlib';
import type { EgressAllow } from './egress-address.ts';
import { checkUrl } from './egress-url.ts';
import type { HttpRequest } from './http-exchange.ts';
import { shownUrl } from './shown-url.ts';
import type { SecretMask } from './secret-mask.ts';

/** Why a preview does not show all that a delivery would be. */
export const previewProblems = [
  'unmappable',
  'refused_by_definition',
  'made_up_answer',
  'own_connection',
  'definition_crashed',
  'definition_overdue',
  'not_run',
] as const;
export type PreviewProblem = (typeof previewProblems)[number];

/** A body that would leave, with secrets hidden. */
export interface PreviewedBody {
  /** As it would leave, compressed or not. */
  readonly bytes: number;
  /** Uncompressed; null: it is no UTF-8. */
  readonly text: string | null;
  /** Of what is no UTF-8. */
  readonly base64: string | null;
  /** Of a text that is JSON and was not cut. */
  readonly json?: unknown;
  /** Only its beginning is shown. */
  readonly cut: boolean;
}

/** A request that would leave, with secrets hidden. */
export interface PreviewedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: PreviewedBody | null;
  /** Why its address may not be dialled; null: nothing in the address forbids it. */
  readonly refused: string | null;
}

/** What would leave for one delivery. */
export interface DeliveryPreview {
  /** What the mapping made; null: there is none. */
  readonly payload: unknown;
  readonly requests: readonly PreviewedRequest[];
  /** `host:port` of connections that the definition would open itself; what would leave over them cannot be shown. */
  readonly connections: readonly string[];
  /** These are all requests of the delivery, as far as can be told without an answer of the destination. */
  readonly complete: boolean;
  readonly problem: { readonly code: PreviewProblem; readonly message: string } | null;
}

/** What a request is shown with. */
export interface Showing {
  readonly egress: EgressAllow;
  readonly mask: SecretMask;
}

/** Of a longer body, or payload, only so many bytes are shown. */
const shownBytes = 131_072;

/** The preview of a delivery that sends the completed event as it is, in one request. */
export function wholeEventPreview(
  event: Uint8Array,
  { url, request }: { readonly url: string; readonly request: HttpRequest },
  showing: Showing,
): DeliveryPreview {
  return {
    payload: shownPayload(Buffer.from(event).toString(), showing.mask),
    requests: [previewedRequest(url, request, showing)],
    connections: [],
    complete: true,
    problem: null,
  };
}

/** A payload of JSON with secrets hidden; one that is too long stands as its beginning, a text. */
export function shownPayload(json: string, mask: SecretMask): unknown {
  if (json.length > shownBytes) return mask.text(json.slice(0, shownBytes), true);
  return parsed(mask.text(json, false)) ?? null;
}

/** What may be shown of a request that would leave. */
export function previewedRequest(
  url: string,
  request: HttpRequest,
  { egress, mask }: Showing,
): PreviewedRequest {
  const { headers, body, method = 'POST' } = request;
  const shown: Record<string, string> = {};
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!.toLowerCase();
    const value = mask.header(name, headers[at + 1]!);
    shown[name] = Object.hasOwn(shown, name) ? `${shown[name]}, ${value}` : value;
  }
  const check = checkUrl(url, egress);
  return {
    method,
    url: shownUrl(url, mask),
    headers: shown,
    body: body.length === 0 ? null : previewedBody(body, plainOf(request, shown['content-encoding']), mask),
    refused: check.ok ? null : mask.text(check.problem, false),
  };
}

function plainOf({ plain, body }: HttpRequest, encoding: string | undefined): Uint8Array {
  if (plain !== undefined || encoding !== 'gzip') return plain ?? body;
  try {
    return gunzipSync(body, { maxOutputLength: 16 * shownBytes });
  } catch {
    return body;
  }
}

function previewedBody(body: Uint8Array, plain: Uint8Array, mask: SecretMask): PreviewedBody {
  const cut = plain.length > shownBytes;
  const start = Buffer.from(plain.subarray(0, shownBytes));
  const text = textOf(start, cut);
  const bytes = body.length;
  if (text === null) {
    // Byte for byte a character, so that a secret is found in it as in a text.
    const hidden = Buffer.from(mask.text(start.toString('latin1'), cut), 'latin1');
    return { bytes, text, base64: hidden.toString('base64'), cut };
  }
  const shown = mask.text(text, cut);
  const json = cut ? undefined : parsed(shown);
  return { bytes, text: shown, base64: null, ...(json !== undefined && { json }), cut };
}

/** UTF-8 as text, null for what is none. @param cut its last character may be half of one */
function textOf(bytes: Uint8Array, cut: boolean): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: cut });
  } catch {
    return null;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
