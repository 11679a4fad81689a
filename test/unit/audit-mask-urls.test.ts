import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maskForAudit } from '../../src/api/audit/mask.ts';

const secret = 'PWSECRET';
/** As a value, as a name, in a list and in a filter. */
const kept = (text: string) =>
  JSON.stringify(
    maskForAudit({ url: text, [text]: 1, list: [{ text }], filter: `event = ${JSON.stringify(text)}` }),
  );

describe('what of an address may be secret is not kept', () => {
  test.each([
    ['http://u:PWSECRET@localhost:7901/', 'http://localhost:7901/'],
    ['http://u:PWSECRET@localhost:7901', 'http://localhost:7901'],
    ['HTTPS://PWSECRET@example.com', 'HTTPS://example.com'],
    ['//u:PWSECRET@example.com/', '//example.com/'],
    ['http://u:p@PWSECRET@example.com', 'http://example.com'],
    ['http://u:PWSECRET@example.com?', 'http://example.com?'],
    ['http://u:p@example.com?PWSECRET', 'http://example.com/[masked]'],
    ['http://example.com/a b PWSECRET', 'http://example.com/[masked]'],
    ['http://example.com#PWSECRET', 'http://example.com/[masked]'],
    ['kafka://u:PWSECRET@b1:9092,b2:9092/topic', 'kafka://b1:9092,b2:9092/[masked]'],
    ['sftp://u:PWSECRET@[::1]:22/', 'sftp://[::1]:22/'],
    ['postgres://PWSECRET@db/', 'postgres://db/'],
    ['jdbc:postgresql://u:PWSECRET@db/x', '[masked]'],
    ['http:u:PWSECRET@example.com', 'http:example.com'],
    [String.raw`http:\\u:PWSECRET@example.com`, String.raw`http:\\example.com`],
    ['ht\ntp:/\t/u:PWSE\nCRET@example.com', 'http://example.com'],
    ['http://u:PWSECRET', 'http://[masked]'],
    ['http://u:PWSECRET/x@example.com', 'http://[masked]'],
    ['http://u:a PWSECRET b@{host}/', 'http://[masked]'],
    ['u:PWSECRET@example.com:22', '[masked]'],
    ['u:PWSECRET//x@example.com', '[masked]'],
    ['(see http://u:PWSECRET@example.com), or call', '(see http://example.com), or call'],
  ])('%j', (text, shown) => {
    expect((maskForAudit({ url: text }) as { url: string }).url).toBe(shown);
    expect(kept(text)).not.toContain(secret);
  });

  const scheme = fc.constantFrom('http', 'HTTPS', 'wss', 'kafka', 'sftp', 'postgres', 'amqp+ssl', 'x-y.z');
  const slashes = fc.constantFrom('://', String.raw`:\\`, ':////', ':/\t/');
  const start = fc.oneof(
    fc.tuple(scheme, slashes).map((parts) => parts.join('')),
    fc.constantFrom('//', 'http:', 'https:/', 'jdbc:mysql://'),
  );
  const server = fc.constantFrom(
    'example.com',
    'localhost:7901',
    '[::1]:80',
    'b1:9092,b2:9092',
    '',
    '{host}',
  );
  /** Anything may be typed around a secret: what ends a server or an address, blanks, other addresses. */
  const noise = fc.string({
    unit: fc.constantFrom('a', '1', ':', '@', '/', '\\', '?', '#', ' ', '\n', '"', '%40', 'ü', 'http://'),
    maxLength: 6,
  });
  const around = fc.tuple(noise, noise).map(([before, after]) => before + secret + after);

  test('however its user info is written', () => {
    const password = fc.tuple(fc.constantFrom('u:', ''), around).map((parts) => parts.join(''));
    const parts = fc.tuple(
      start,
      password,
      server,
      fc.constantFrom('', '/', '?', '/x', '?x=y', '#x', ' and on'),
    );
    fc.assert(
      fc.property(parts, ([begun, user, host, rest]) => {
        expect(kept(`${begun}${user}@${host}${rest}`)).not.toContain(secret);
      }),
      { numRuns: 5_000 },
    );
  });

  test('wherever it stands behind a server', () => {
    const user = fc.constantFrom('', 'u@', 'u:p@', 'u:p@q@');
    const named = fc.constantFrom('example.com', 'localhost:7901', '[::1]:80', 'b1:9092,b2:9092');
    const parts = fc.tuple(scheme, user, named, fc.constantFrom('/', '?', '#', '/a?'), noise, noise);
    fc.assert(
      fc.property(parts, ([begun, who, host, delimiter, before, after]) => {
        const text = `${begun}://${who}${host}${delimiter}${before}${secret}${after}`;
        expect(kept(text)).not.toContain(secret);
      }),
      { numRuns: 5_000 },
    );
  });
});

test('what was meant to be an address, and is none, is not kept', () => {
  for (const text of ['PWSECRET', 'PWSECRET is no address', 'hooks.example.com/PWSECRET']) {
    const mask = maskForAudit({ url: text, apiEndpoint: text, none: { url: '' } });
    expect(mask).toEqual({ url: '[masked]', apiEndpoint: '[masked]', none: { url: '' } });
  }
});

test('what is no address stays as it is', () => {
  const texts = [
    'Warehouse: EU, see the notes',
    'ann@example.com',
    '2026-11-22T09:30:00.000Z',
    '$.properties.total',
    'http://example.com',
    'https://example.com/',
    'a // b',
    'line\n two',
  ];
  expect(maskForAudit({ texts })).toEqual({ texts });
});

test('a long text is masked in a time that grows with it alone', () => {
  const longOnes = ['a'.repeat(500_000), 'a-'.repeat(250_000), ':'.repeat(500_000), '//a '.repeat(100_000)];
  const begun = performance.now();
  for (const text of longOnes) maskForAudit({ text });
  expect(performance.now() - begun).toBeLessThan(2_000);
});
