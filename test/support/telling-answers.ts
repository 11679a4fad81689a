/** What came in, as a receiver tells it again. */
export interface Told {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An answer that tells all that was sent. */
export interface TellingAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

const text = { 'content-type': 'text/plain' };
const asJson = ({ url, headers, body }: Told) => JSON.stringify({ error: 'no', url, headers, body });
const asText = ({ url, headers, body }: Told) =>
  [url, ...Object.entries(headers).map(([name, value]) => `${name},${value}`), body].join('\n');
const encoded = (told: Told) => encodeURIComponent(asText(told));
const base64 = (told: Told) => Buffer.from(asText(told)).toString('base64');
const said =
  (status: number, how: (told: Told) => string, headers = {}) =>
  (told: Told): TellingAnswer => ({ status, headers, body: how(told) });

/** Each way in which an answer can tell what it was sent, by name. */
export const tellingAnswers: Readonly<Record<string, (told: Told) => TellingAnswer>> = {
  success: said(200, asJson),
  'a success of text': said(200, asText, text),
  ...Object.fromEntries(
    [400, 401, 403, 404, 408, 409, 410, 413, 422, 429, 500, 502, 503].map((status) => [
      `${status} of JSON`,
      said(status, asJson),
    ]),
  ),
  '400 of text': said(400, asText, text),
  '400 of a page': said(400, (told) => `<html><pre>${asText(told)}</pre></html>`, {
    'content-type': 'text/html',
  }),
  '400, encoded': said(400, encoded),
  '400, as forms are encoded': said(400, (told) => new URLSearchParams({ told: asText(told) }).toString()),
  '400, in base64': said(400, base64, text),
  '400, in base64 behind one byte': said(400, (told) => base64({ ...told, url: `x${told.url}` }), text),
  '400, in base64 behind two bytes': said(400, (told) => base64({ ...told, url: `xx${told.url}` }), text),
  '400, JSON within JSON': said(400, (told) => JSON.stringify({ message: asJson(told) })),
  '500, not JSON': said(500, (told) => `{"error": "${asText(told)}`),
  'a redirect that tells them': (told) => ({
    status: 302,
    headers: { location: `https://elsewhere.example.com/?q=${encoded(told)}` },
    body: '',
  }),
  'headers that tell them': (told) => ({
    status: 400,
    headers: {
      'x-seen': encoded(told).slice(0, 4_000),
      'x-auth-seen': told.headers['authorization'] ?? '',
    },
    body: '{}',
  }),
};
