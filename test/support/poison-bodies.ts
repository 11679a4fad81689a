import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { Refusal } from '../../src/api/tracking/refusal.ts';

/** A request that has broken somebody's pipeline, and how it has to be refused. */
export interface PoisonBody {
  readonly name: string;
  readonly body: Uint8Array;
  readonly encoding?: string;
  readonly status: 400 | 413;
  readonly code: Refusal;
}

const event = '{"type":"track","event":"e","userId":"u"}';
const batch = `{"batch":[${event}]}`;
const refused = (name: string, code: Refusal, body: string | Uint8Array): PoisonBody => ({
  name,
  body: Buffer.from(body),
  status: 400,
  code,
});

/** An item that is not JSON in UTF-8, although it can be told where it ends. */
export interface IllegibleItem {
  readonly name: string;
  readonly text: Uint8Array;
}

/** An event in which these bytes stand as text. */
function withBytes(...bytes: number[]): Buffer {
  const [before = '', behind = ''] = event.replace('"e"', '"|"').split('|');
  return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(behind)]);
}

function itemsNotUtf8(): IllegibleItem[] {
  const sequences: Readonly<Record<string, number[]>> = {
    'a byte that never occurs': [0xff],
    'a continuation without a start': [0x80],
    'a start without a continuation': [0xc3, 0x28],
    'two bytes for an ASCII character': [0xc1, 0xa1],
    'two bytes for NUL': [0xc0, 0x80],
    'three bytes for a slash': [0xe0, 0x80, 0xaf],
    'four bytes for a slash': [0xf0, 0x80, 0x80, 0xaf],
    'a surrogate': [0xed, 0xa0, 0x80],
    'a pair of surrogates': [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
    'a character beyond the last': [0xf4, 0x90, 0x80, 0x80],
    'a character of five bytes': [0xf8, 0x88, 0x80, 0x80, 0x80],
    'a character that is cut': [0xe2, 0x82],
    'Latin-1': [0xe9],
    'Windows-1252': [0x93, 0x94],
    'Shift JIS': [0x83, 0x65, 0x83, 0x58],
    GBK: [0xd6, 0xd0, 0xce, 0xc4],
  };
  return Object.entries(sequences).map(([name, bytes]) => ({ name, text: withBytes(...bytes) }));
}

function notUtf8(): PoisonBody[] {
  const utf16 = Buffer.from(`\ufeff${batch}`, 'utf16le');
  return [
    refused('UTF-16, little end first', 'malformed_utf8', utf16),
    refused('UTF-16, big end first', 'malformed_utf8', Buffer.from(utf16).swap16()),
    refused('UTF-16 without a mark', 'malformed_json', Buffer.from(batch, 'utf16le')),
    refused('UTF-32', 'malformed_json', Buffer.from(batch.replaceAll(/./g, '$&\0\0\0'))),
    refused('UTF-7', 'malformed_json', '+AHs-"batch":[]+AH0-'),
    refused('base64', 'malformed_json', Buffer.from(batch).toString('base64')),
    refused(
      'EBCDIC',
      'malformed_utf8',
      Uint8Array.from([0xc0, 0x7f, 0x82, 0x81, 0xa3, 0x83, 0x88, 0x7f, 0xd0]),
    ),
  ];
}

const withValue = (value: string) => event.replace('"u"', `"u","a":${value}`);

function itemsNotJson(): IllegibleItem[] {
  const values = [
    'NaN',
    'Infinity',
    '-Infinity',
    '+1',
    '.5',
    '1.',
    '01',
    '-',
    '0x10',
    '1_000',
    '1n',
    '1e',
    'undefined',
    'None',
    'True',
    'nil',
    "'text'",
    '`text`',
    String.raw`"\x41"`,
    String.raw`"\u12"`,
    String.raw`"\u{41}"`,
    String.raw`"\a"`,
    '"a\nb"',
    '"a\tb"',
    '"\0"',
    '"\u001f"',
    '{a:1}',
    '{"a":1,}',
    '{"a":1 "b":2}',
    '[1,]',
    '[,1]',
    '[1 2]',
    '/* why */ 1',
    '1 // why',
    'new Date()',
    '\u00a01',
    '\u20281',
    '\v1',
    '\ufeff1',
  ];
  return [
    ...values.map((value) => ({
      name: `${JSON.stringify(value)} as a value`,
      text: Buffer.from(withValue(value)),
    })),
    ...['NaN', 'undefined', 'event', "{'type':'track'}"].map((text) => ({
      name: `${text} as an event`,
      text: Buffer.from(text),
    })),
  ];
}

function notJson(): PoisonBody[] {
  const open = ['"open', '[[1]', '1]', '{"a":', '{"a" 1}', '"a "quote" of it"'];
  const beside = ['{"context":NaN,', '{"sentAt":undefined,', "{'writeKey':'k',", '{"context":{"a":"\n"},'];
  const whole: Readonly<Record<string, string>> = {
    nothing: '',
    whitespace: ' \n',
    'a byte order mark alone': '\ufeff',
    'two byte order marks': `\ufeff\ufeff${batch}`,
    'two documents': batch + batch,
    'one document per line': `${event}\n${event}`,
    'a call of a function': `callback(${batch})`,
    'a guard against inclusion': `)]}',\n${batch}`,
    'form data': `data=${encodeURIComponent(batch)}`,
    'form data of parts': `--x\r\nContent-Disposition: form-data; name="batch"\r\n\r\n${batch}\r\n--x--`,
    XML: '<batch><track userId="u"/></batch>',
    YAML: 'batch:\n  - type: track',
    'a page': '<!doctype html><title>502</title>',
    'half a batch': batch.slice(0, -3),
    'a batch with a tail': `${batch}}`,
    'a NUL behind it': `${batch}\0`,
  };
  return [
    ...open.map((value) =>
      refused(`${value} as a value`, 'malformed_json', `{"batch":[${event},${withValue(value)}]}`),
    ),
    ...beside.map((start) => refused(`${start} at the start`, 'malformed_json', batch.replace('{', start))),
    ...['[,', `[${event} `, `[${event},,`, `{"0":`, `[NaN ${event},`].map((start) =>
      refused(`${start} as the start of a batch`, 'malformed_json', batch.replace('[', start)),
    ),
    ...Object.entries(whole).map(([name, body]) => refused(name, 'malformed_json', body)),
  ];
}

function notCompressed(): PoisonBody[] {
  const gzip = gzipSync(batch);
  const badSum = Buffer.from(gzip);
  badSum.writeUInt32LE(~badSum.readUInt32LE(badSum.length - 8) >>> 0, badSum.length - 8);
  const bomb = Buffer.alloc(20_000_000, ' ');
  const cases: [string, string, Uint8Array][] = [
    ['plain text said to be gzip', 'gzip', Buffer.from(batch)],
    ['gzip that is cut', 'gzip', gzip.subarray(0, -12)],
    ['gzip without its last byte', 'gzip', gzip.subarray(0, -1)],
    ['gzip with a wrong sum', 'gzip', badSum],
    ['nothing said to be gzip', 'gzip', Buffer.alloc(0)],
    ['deflate said to be gzip', 'gzip', deflateSync(batch)],
    ['gzip said to be brotli', 'br', gzip],
    ['brotli that is cut', 'br', brotliCompressSync(batch).subarray(0, -3)],
    ['gzip said to be deflate', 'deflate', gzip],
    ['deflate that is cut', 'deflate', deflateSync(batch).subarray(0, -5)],
    ['an encoding that nobody has', 'zip', Buffer.from(batch)],
    ['two encodings', 'gzip, gzip', gzipSync(gzip)],
    ['the name of a member of every object', '__proto__', Buffer.from(batch)],
  ];
  const large: [string, string, Uint8Array][] = [
    ['a gzip bomb', 'gzip', gzipSync(bomb)],
    ['a deflate bomb', 'deflate', deflateSync(bomb)],
    ['a brotli bomb', 'br', brotliCompressSync(bomb)],
    [
      'a gzip of many parts',
      'gzip',
      Buffer.concat(Array.from({ length: 20 }, () => gzipSync(bomb.subarray(0, 40_000)))),
    ],
  ];
  return [
    ...cases.map(([name, encoding, body]) => ({ ...refused(name, 'malformed_encoding', body), encoding })),
    { ...refused('gzip of gzip', 'malformed_utf8', gzipSync(gzip)), encoding: 'gzip' },
    ...large.map(([name, encoding, body]) => ({
      ...refused(name, 'body_too_large', body),
      encoding,
      status: 413 as const,
    })),
  ];
}

function noBatches(): PoisonBody[] {
  const bodies = [
    '{}',
    '[]',
    `[${event}]`,
    event,
    'null',
    '7',
    '"batch"',
    '{"batch":null}',
    '{"batch":{"0":1}}',
  ];
  const odd = [
    '{"batch":"[]"}',
    `{"batch":[${event}],"batch":1}`,
    '{"__proto__":{"batch":[]}}',
    '{"BATCH":[]}',
  ];
  const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const tooLarge = (name: string, code: Refusal, body: string) => ({
    ...refused(name, code, body),
    status: 413 as const,
  });
  return [
    ...[...bodies, ...odd].map((body) => refused(`${body} as a batch`, 'no_batch', body)),
    refused('a context that is too deep', 'too_deep', `{"batch":[${event}],"context":{"a":${nested(99)}}}`),
    refused('2,000 levels', 'too_deep', `{"batch":[${nested(2_000)}]}`),
    refused('200,000 levels', 'too_deep', nested(200_000)),
    refused('200,000 levels that nobody closes', 'too_deep', '{"a":'.repeat(100_000)),
    tooLarge('2,501 events', 'too_many_events', `{"batch":[${'0,'.repeat(2_500)}0]}`),
    tooLarge('a batch over 500 KB', 'body_too_large', `{"batch":["${'x'.repeat(512_000)}"]}`),
    tooLarge('a body over 512 KB', 'body_too_large', `{"batch":[],"x":"${'x'.repeat(525_000)}"}`),
  ];
}

/** Every class of requests that are refused as a whole. */
export const poisonBodies: readonly PoisonBody[] = [
  ...notUtf8(),
  ...notJson(),
  ...notCompressed(),
  ...noBatches(),
];

/** Every class of items that are no JSON, of which each costs itself alone. */
export const illegibleItems: readonly IllegibleItem[] = [...itemsNotUtf8(), ...itemsNotJson()];
