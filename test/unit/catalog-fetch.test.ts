import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { FetchHeaders } from '../../src/destinations/catalog/child/fetch-headers.ts';
import { FetchRequest, FetchResponse } from '../../src/destinations/catalog/child/fetch-messages.ts';

// The classes that definitions are given are held against those of node-fetch, which they were written for.

interface Message {
  readonly headers: FetchHeaders;
  readonly bodyUsed: boolean;
  text(): Promise<string>;
  json(): Promise<unknown>;
  buffer(): Promise<Buffer>;
  arrayBuffer(): Promise<ArrayBuffer>;
}
interface Classes {
  readonly Headers: new (init?: unknown) => FetchHeaders;
  readonly Request: new (
    input: unknown,
    init?: object,
  ) => Message & {
    readonly method: string;
    readonly url: string;
    readonly redirect: string;
    readonly signal: AbortSignal | null;
    clone(): Message;
  };
  readonly Response: new (
    body?: unknown,
    init?: object,
  ) => Message & {
    readonly status: number;
    readonly statusText: string | undefined;
    readonly ok: boolean;
    readonly url: string;
    clone(): Message;
  };
}

const theirs = createRequire(import.meta.resolve('@segment/actions-core'))('cross-fetch') as Classes;
const ours = { Headers: FetchHeaders, Request: FetchRequest, Response: FetchResponse } as unknown as Classes;

/** What something comes to with either of them; an error is its name and text. */
async function bothOf(work: (classes: Classes) => unknown): Promise<[ours: unknown, theirs: unknown]> {
  const told = async (classes: Classes) => {
    try {
      return await work(classes);
    } catch (error) {
      const { name, message } = error as Error;
      return { name, message };
    }
  };
  return [await told(ours), await told(theirs)];
}

async function expectAlike(work: (classes: Classes) => unknown): Promise<void> {
  const [own, original] = await bothOf(work);
  expect(own).toEqual(original);
}

describe('headers', () => {
  const inits: readonly (readonly [what: string, init: unknown])[] = [
    ['nothing', undefined],
    ['null', null],
    ['an object', { Zeta: '1', accept: 'a', 'Content-Type': 'b' }],
    [
      'pairs',
      [
        ['b', '2'],
        ['B', '3'],
        ['a', '1'],
      ],
    ],
    ['a map', new Map([['X-One', '1']])],
    ['numbers and undefined', { a: 1, b: undefined, c: null, d: ['x', 'y'] }],
    ['a text', 'a: b'],
    ['pairs of three', [['a', 'b', 'c']]],
    ['no pairs', [1, 2]],
    ['an illegal name', { 'a b': 'c' }],
    ['an empty name', { '': 'c' }],
    ['an illegal value', { a: 'b\nc' }],
    ['a value beyond Latin-1', { a: '\u{2014}' }],
    ['a value of Latin-1', { a: '\u{e9}' }],
  ];
  test.each(inits)('of %s are read alike', async (_, init) => {
    await expectAlike(({ Headers }) => {
      const headers = new Headers(init);
      return [[...headers], [...headers.keys()], [...headers.values()], headers.raw(), headers.get('A')];
    });
  });

  test('are changed alike, and copies apart', async () => {
    await expectAlike(({ Headers }) => {
      const first = new Headers({ 'X-B': '1', a: '2' });
      const second = new Headers(first);
      first.append('x-b', '2');
      second.set('x-B', '9');
      const third = new Headers(second);
      second.delete('A');
      third.append('Zz', 'z');
      second.set('new', 'n');
      const seen: string[] = [];
      third.forEach((value, name) => seen.push(`${name}=${value}`));
      return [[...first], [...second], [...third], seen, first.has('X-b'), second.has('a'), second.raw()];
    });
  });

  test('change while they are gone through', async () => {
    await expectAlike(({ Headers }) => {
      const headers = new Headers({ a: '1', b: '2', c: '3' });
      const seen: string[] = [];
      headers.forEach((_, name) => {
        seen.push(name);
        headers.delete('b');
      });
      return seen;
    });
  });
});

/** Made anew for each, as a stream is read once. */
const bodies: readonly (readonly [what: string, body: () => unknown])[] = [
  ['nothing', () => undefined],
  ['a text', () => '{"a":"\u{e9}\u{1f600}"}'],
  ['an empty text', () => ''],
  ['half a surrogate pair', () => 'a\u{d800}b'],
  ['bytes', () => Buffer.from([0, 255, 10])],
  ['an array of bytes', () => new Uint8Array([1, 2, 3]).subarray(1)],
  ['parameters', () => new URLSearchParams({ a: 'b c', d: '&' })],
  ['a blob', () => new Blob(['abc'], { type: 'text/x-blob' })],
  ['a stream', () => Readable.from([Buffer.from('in '), Buffer.from('parts')])],
  ['a number', () => 12],
  ['an object', () => ({ a: 1 })],
];

describe('requests', () => {
  test.each(bodies)('with %s are made and read alike', async (_, body) => {
    await expectAlike(async ({ Request }) => {
      const request = new Request('https://a.example/x', { method: 'post', body: body() });
      const { method, url, redirect, signal } = request;
      const copy = new Request(request);
      return [method, url, redirect, signal, [...copy.headers], [...(await copy.buffer())], copy.bodyUsed];
    });
  });

  const urls = [
    'https://a.example',
    'HTTPS://A.example:443/%7e?q={"a":"b c"}|`#f',
    'https://\u{fc}.example/\u{fc}?\u{fc}',
    'https://u:p@a.example/x',
    '/relative',
    'not a URL',
    'https://',
    new URL('https://a.example/b?c#d'),
  ];
  test.each(urls)('to %s', async (url) => {
    await expectAlike(({ Request }) => new Request(url).url);
    await expectAlike(({ Request }) => new Request(new Request(url)).url); // now it is known
  });

  test('take over what another has', async () => {
    await expectAlike(async ({ Request }) => {
      const { signal } = new AbortController();
      const first = new Request('https://a.example', {
        method: 'PUT',
        headers: { a: '1' },
        body: 'x',
        signal,
      });
      const second = new Request(first, { method: 'PATCH', body: 'yy', redirect: 'manual' });
      const third = new Request(second, { headers: { b: '2' }, signal: null });
      const all = [first, second, third];
      const parts = all.map((one) => [one.method, one.redirect, one.signal === signal, [...one.headers]]);
      return [parts, await Promise.all(all.map(async (one) => await one.text()))];
    });
  });

  test('refuse what node-fetch refuses', async () => {
    const [getting] = ['get'];
    await expectAlike(({ Request }) => new Request('https://a.example', { method: getting, body: 'x' }));
    await expectAlike(async ({ Request }) => {
      const request = new Request('https://a.example', { method: 'POST', body: 'x' });
      await request.text();
      return await request.text();
    });
    await expectAlike(async ({ Request }) => {
      const request = new Request('https://a.example/', { method: 'POST', body: 'x' });
      await request.text();
      return request.clone();
    });
  });
});

describe('responses', () => {
  test.each(bodies)('of %s are read alike', async (_, body) => {
    await expectAlike(async ({ Response }) => {
      const response = new Response(body(), { status: 201, url: 'https://a.example/', headers: { b: 'c' } });
      const copy = response.clone();
      const read = [[...new Uint8Array(await copy.arrayBuffer())], await response.text()];
      const { status, statusText, ok, url } = response;
      return [read, status, statusText, ok, url, [...copy.headers], response.bodyUsed];
    });
  });

  test('tell statuses and JSON alike', async () => {
    for (const status of [200, 204, 302, 404, 599])
      await expectAlike(({ Response }) => {
        const response = new Response('', { status });
        return [response.ok, response.status, response.statusText];
      });
    await expectAlike(async ({ Response }) => await new Response('{"a":[1]}').json());
    await expectAlike(
      async ({ Response }) => await new Response('<html>', { url: 'https://a.example/' }).json(),
    );
  });

  test('are what the framework knows them by', async () => {
    await expectAlike(({ Headers, Request, Response }) =>
      [new Headers(), new Request('https://a.example'), new Response('x')].map(String),
    );
    await expectAlike(({ Response }) =>
      JSON.stringify(Object.assign(new Response('x'), { content: 'x', data: 'x' })),
    );
  });
});
