import { describe, expect, it } from 'vitest';
import { outcomeOf } from '../../src/destinations/http-outcome.ts';

const context = { request: 'POST https://example.com/', secrets: [], now: 0 };

function outcomeOfError(code: string, written: boolean) {
  const error = Object.assign(new Error(`it was ${code}`), { code });
  return outcomeOf({ kind: 'broken', error, written, head: null }, context);
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
    const outcome = outcomeOf({ kind: 'broken', error, written: true, head: null }, context);
    expect('failure' in outcome && outcome.failure.message.length).toBe(500);
  });
});
