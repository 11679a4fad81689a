import type net from 'node:net';
import { expect } from 'vitest';
import type { Outcome } from '../../src/core/outcome.ts';

const ok = 'HTTP/1.1 200 OK\r\n';
export const whole = `${ok}content-length: 2\r\n\r\nok`;

/** What a hostile receiver answers to a request, and the outcome of the delivery. */
export interface Hostility {
  readonly name: string;
  /** @param request as it was read, so far */
  readonly answer: (socket: net.Socket, request: string) => void;
  readonly outcome: Record<string, unknown>;
  /** What becomes of it where the parts of Segment's answers are read; absent: the same. */
  readonly segment?: Outcome['kind'];
}

const failed = (errorClass: string) => ({ kind: 'failed', failure: { errorClass } });
export const delivered = expect.objectContaining({ kind: 'delivered' });

export const breaks: Hostility[] = [
  {
    name: 'a reset instead of an answer',
    answer: (s) => s.resetAndDestroy(),
    outcome: failed('connection_reset'),
  },
  { name: 'a close instead of an answer', answer: (s) => s.end(), outcome: failed('connection_reset') },
  {
    name: 'a reset within the head',
    answer: (s) => s.write(ok, () => s.resetAndDestroy()),
    outcome: failed('connection_reset'),
  },
  {
    name: 'a reset within the body of a success',
    answer: (s) =>
      s.write(`${ok}content-length: 9\r\n\r\nok`, () => setTimeout(() => s.resetAndDestroy(), 20)),
    outcome: { kind: 'failed', failure: { errorClass: 'connection_reset', status: 200 } },
  },
  {
    name: 'an early end of the body of a success',
    answer: (s) => s.end(`${ok}content-length: 9\r\n\r\nok`),
    outcome: { kind: 'failed' },
  },
  {
    name: 'a reset within the body of a failure',
    answer: (s) =>
      s.write('HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nno', () =>
        setTimeout(() => s.resetAndDestroy(), 20),
      ),
    outcome: { kind: 'refused', failure: { errorClass: 'http_404' } },
  },
  {
    name: 'a reset after 429 told how long to wait',
    answer: (s) =>
      s.write('HTTP/1.1 429 Slow\r\nretry-after: 3\r\ncontent-length: 9\r\n\r\n', () =>
        setTimeout(() => s.resetAndDestroy(), 20),
      ),
    outcome: { kind: 'throttled', retryAfterMs: 3_000 },
  },
  {
    name: 'a reset after an early hint',
    answer: (s) =>
      s.write('HTTP/1.1 103 Early Hints\r\n\r\n', () => setTimeout(() => s.resetAndDestroy(), 20)),
    outcome: { kind: 'failed', failure: expect.not.objectContaining({ status: 103 }) },
  },
  { name: 'a body that the close ends', answer: (s) => s.end(`${ok}\r\nok`), outcome: delivered },
  {
    name: 'no words beside the status',
    answer: (s) => s.write('HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n'),
    outcome: delivered,
  },
];

export const lies: Hostility[] = [
  { name: 'HTTP/0.9', answer: (s) => s.end('<html>hello</html>'), outcome: failed('bad_answer') },
  {
    name: 'bytes of no protocol',
    answer: (s) => s.end(Buffer.from('00ff16030100', 'hex')),
    outcome: failed('bad_answer'),
  },
  {
    name: 'HTTP/2 unasked',
    answer: (s) => s.end('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    outcome: failed('bad_answer'),
  },
  {
    name: 'a chunk size that is none',
    answer: (s) => s.write(`${ok}transfer-encoding: chunked\r\n\r\nzz\r\nx\r\n`),
    outcome: failed('bad_answer'),
  },
  {
    name: 'a chunk longer than it says',
    answer: (s) => s.write(`${ok}transfer-encoding: chunked\r\n\r\n1\r\nxxxx\r\n`),
    outcome: failed('bad_answer'),
  },
  {
    name: 'a negative content length',
    answer: (s) => s.write(`${ok}content-length: -1\r\n\r\n`),
    outcome: failed('bad_answer'),
  },
  {
    name: 'two content lengths',
    answer: (s) => s.write(`${ok}content-length: 1\r\ncontent-length: 2\r\n\r\nxx`),
    outcome: failed('bad_answer'),
  },
  {
    name: 'two framings at once',
    answer: (s) => s.write(`${ok}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`),
    outcome: failed('bad_answer'),
  },
  {
    name: 'an upgrade unasked',
    answer: (s) => s.write('HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    outcome: { kind: 'failed' },
  },
  {
    name: '100 Continue unasked',
    answer: (s) => s.write(`HTTP/1.1 100 Continue\r\n\r\n${whole}`),
    outcome: { kind: 'failed' },
  },
  {
    name: 'an early hint before the answer',
    answer: (s) => s.write(`HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${whole}`),
    outcome: delivered,
  },
  {
    name: '100,000 headers',
    answer: (s) => s.write(`${ok}${'a: b\r\n'.repeat(100_000)}\r\n`),
    outcome: failed('bad_answer'),
  },
  {
    name: 'a header of 10 MB',
    answer: (s) => s.write(`${ok}a: ${'b'.repeat(10_000_000)}\r\n\r\n`),
    outcome: failed('bad_answer'),
  },
];
