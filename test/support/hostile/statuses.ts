import { expect } from 'vitest';
import type { Hostility } from '../hostile-answers.ts';

/** Where redirects lead: whoever follows one is seen by this word. */
export const followed = 'followed-a-redirect';

const says =
  (status: string, headers = '', body = ''): Hostility['answer'] =>
  (socket) =>
    socket.write(`HTTP/1.1 ${status}\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);

const answersOwn = new Map<number, string>([
  [401, 'down'],
  [408, 'failed'],
  [410, 'gone'],
  [425, 'failed'],
]);

/** Statuses of failures, those that nobody has heard of among them. */
const failures: Hostility[] = [
  400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 411, 413, 414, 415, 418, 422, 425, 431, 451, 499, 500,
  501, 502, 503, 504, 505, 507, 511, 599, 999,
].map((status) => ({
  name: `${status}`,
  answer: says(`${status} No`, 'content-type: application/json\r\n', '{"error":"no"}'),
  outcome: {
    kind: answersOwn.get(status) ?? (status >= 500 ? 'failed' : 'refused'),
    failure: { errorClass: `http_${status}` },
  },
}));

const date = (seconds: number) => new Date(Date.UTC(2026, 0, 5, 10, 0, seconds)).toUTCString();
const waits: [words: string, value: string, ms: number | null][] = [
  ['seconds', '7', 7_000],
  ['a fraction of seconds', '1.5', 1_500],
  ['no time', '0', 0],
  ['less than no time', '-5', null],
  ['three thousand years', '99999999999', 3_600_000],
  ['more digits than a number has', '9'.repeat(400), 3_600_000],
  ['no number', 'soon', null],
  ['a number with an exponent', '1e3', null],
  ['a date', date(30), 30_000],
  ['a date that is past', date(-30), 0],
  ['a date that is none', 'Mon, 99 Foo 2026 99:99:99 GMT', null],
  ['nothing', '', null],
];

const throttles: Hostility[] = [
  ...waits.map(([words, value, ms]) => ({
    name: `429 with ${words} to wait`,
    answer: says('429 Slow', `date: ${date(0)}\r\nretry-after: ${value}\r\n`),
    outcome: { kind: 'throttled', retryAfterMs: ms },
  })),
  {
    name: '429 without a word',
    answer: says('429 Slow'),
    outcome: { kind: 'throttled', retryAfterMs: null },
  },
  {
    name: '429 with two times to wait',
    answer: says('429 Slow', 'retry-after: 3\r\nretry-after: 9\r\n'),
    outcome: { kind: 'throttled' },
  },
  {
    name: '503 with seconds to wait',
    answer: says('503 Busy', 'retry-after: 7\r\n'),
    outcome: { kind: 'throttled', retryAfterMs: 7_000 },
  },
];

const redirect = (name: string, status: number, location: string): Hostility => ({
  name: `${status} to ${name}`,
  answer: says(`${status} Moved`, location === '' ? '' : `location: ${location}\r\n`),
  outcome: { kind: 'refused', failure: { errorClass: `http_${status}` } },
});

const redirects: Hostility[] = [
  redirect('another host', 301, `https://elsewhere.example.com/${followed}`),
  redirect('another host', 302, `https://elsewhere.example.com/${followed}`),
  redirect('another host', 303, `https://elsewhere.example.com/${followed}`),
  redirect('itself', 307, `/${followed}`),
  redirect('a place in clear', 308, `http://elsewhere.example.com/${followed}`),
  redirect('a private address', 307, `http://10.0.0.1/${followed}`),
  redirect('this machine', 302, `http://localhost/${followed}`),
  redirect('a file', 302, 'file:///etc/passwd'),
  redirect('no URL', 302, 'http://[::/'),
  redirect('a URL of 20,000 letters', 302, `https://elsewhere.example.com/${followed}${'x'.repeat(20_000)}`),
  redirect('nowhere', 302, ''),
  redirect('what it has already', 304, ''),
  redirect('several', 300, `https://elsewhere.example.com/${followed}`),
];

const parts = '{"status":207,"items":[{"status":400,"error":"no"}],"errors":[{"index":0,"message":"no"}]}';
const successes: Hostility[] = [
  {
    name: '207, taken in parts',
    answer: says('207 Multi-Status', 'content-type: application/json\r\n', parts),
    segment: 'refused' as const,
  },
  { name: '206, a part of it', answer: says('206 Partial', 'content-range: bytes 0-1/9\r\n', 'ok') },
  { name: '202 for later', answer: says('202 Accepted') },
  { name: '204 with a length', answer: says('204 None', '', '') },
  { name: '205', answer: says('205 Reset') },
  { name: '299 of nobody', answer: says('299 Fine', '', 'fine') },
].map((one) => ({
  ...one,
  outcome: expect.objectContaining({ kind: 'delivered' }) as Record<string, unknown>,
}));

/** What is told by a status. */
export const statuses: readonly Hostility[] = [...failures, ...throttles, ...redirects, ...successes];
