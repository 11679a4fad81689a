import { describe, expect, it } from 'vitest';
import { outcomeOf } from '../../src/destinations/http-outcome.ts';
import { secretMask } from '../../src/destinations/secret-mask.ts';

const request = { headers: ['X-Shop', 'one'], body: Buffer.from('{"a":1}'), deliveries: 1 };
const context = {
  url: 'https://example.com/',
  request,
  mask: secretMask([]),
  now: 10_000,
  showsSuccess: false,
};

function outcomeOfError(code: string, written: boolean) {
  const error = Object.assign(new Error(`it was ${code}`), { code });
  return outcomeOf({ kind: 'broken', error, written, head: null, tookMs: 40.4 }, context);
}

describe('an exchange without an answer', () => {
  it.each([
    ['ECONNREFUSED', 'connection_refused'],
    ['ENOTFOUND', 'dns'],
    ['EAI_AGAIN', 'dns'],
    ['EHOSTUNREACH', 'unreachable'],
    ['ENETUNREACH', 'unreachable'],
    ['ETIMEDOUT', 'connect_timeout'],
    ['UND_ERR_CONNECT_TIMEOUT', 'connect_timeout'],
    ['ECONNRESET', 'connection_reset'],
    ['CERT_HAS_EXPIRED', 'tls'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls'],
    ['EPROTO', 'tls'],
    ['E_NEVER_SEEN', 'connect_failed'],
  ])('%s before the request left is down: %s', (code, errorClass) => {
    expect(outcomeOfError(code, false)).toMatchObject({ kind: 'down', failure: { errorClass } });
  });

  it.each([
    ['ECONNRESET', 'connection_reset'],
    ['EPIPE', 'connection_reset'],
    ['ETIMEDOUT', 'timeout'],
    ['E_NEVER_SEEN', 'broken_exchange'],
  ])('%s afterwards is a failure to retry: %s', (code, errorClass) => {
    expect(outcomeOfError(code, true)).toMatchObject({ kind: 'failed', failure: { errorClass } });
  });

  it('an alert of TLS is down even after the first bytes: nobody has read the request', () => {
    expect(outcomeOfError('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', true)).toMatchObject({
      kind: 'down',
      failure: { errorClass: 'tls' },
    });
  });

  it('is told in at most 500 characters', () => {
    const error = new Error('x'.repeat(10_000));
    const outcome = outcomeOf({ kind: 'broken', error, written: true, head: null, tookMs: 1 }, context);
    expect('failure' in outcome && outcome.failure.message.length).toBe(500);
  });
});

it('a failure tells what was sent, when, and for how long it took', () => {
  expect(outcomeOfError('ECONNRESET', true)).toMatchObject({
    failure: {
      at: '1970-01-01T00:00:09.959Z',
      tookMs: 40,
      request: {
        method: 'POST',
        url: 'https://example.com/',
        headers: { 'x-shop': 'one' },
        body: '{"a":1}',
        bodyBytes: 7,
        deliveries: 1,
      },
    },
  });
  expect(outcomeOfError('ECONNRESET', true)).not.toHaveProperty('failure.response');
});

it('a success puts nothing together', () => {
  const untouched = new Proxy(request, {
    get: () => {
      throw new Error('a success looked at its request');
    },
  });
  const head = { status: 200, headers: {} };
  const answer = { kind: 'answered', head, body: Buffer.alloc(0), tookMs: 1 } as const;
  expect(outcomeOf(answer, { ...context, request: untouched })).toEqual({ kind: 'delivered' });
});

it('a success that is to be a sample tells what was answered, in one line, without secrets', () => {
  const head = { status: 202, headers: { 'content-type': 'application/json' } };
  const body = Buffer.from('{"id":7,"echo":"whsec_hidden"}');
  const shows = { ...context, mask: secretMask(['whsec_hidden']), showsSuccess: true };
  expect(outcomeOf({ kind: 'answered', head, body, tookMs: 12.4 }, shows)).toEqual({
    kind: 'delivered',
    answer: '202 Accepted in 12 ms: {"id":7,"echo":"[secret]"}',
  });
  const empty = outcomeOf({ kind: 'answered', head, body: Buffer.alloc(0), tookMs: 3 }, shows);
  expect(empty).toEqual({ kind: 'delivered', answer: '202 Accepted in 3 ms' });
  const long = outcomeOf({ kind: 'answered', head, body: Buffer.alloc(4_096, 'x'), tookMs: 3 }, shows);
  expect('answer' in long && long.answer?.length).toBe(500);
});
