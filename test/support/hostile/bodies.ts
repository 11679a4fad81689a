import type net from 'node:net';
import zlib from 'node:zlib';
import { delivered, whole, type Hostility } from '../hostile-answers.ts';

const ok = 'HTTP/1.1 200 OK\r\n';
const json = 'content-type: application/json\r\n';

/** Writes a part again and again, as fast as it is read or with a pause between, until the other side goes. */
function endless(socket: net.Socket, part: string | Buffer, pauseMs = 0): void {
  const write = () => {
    if (socket.destroyed) return;
    const next = () => setTimeout(write, pauseMs);
    if (socket.write(part)) next();
    else socket.once('drain', next);
  };
  write();
}

const after =
  (start: string, part: string | Buffer, pauseMs = 0): Hostility['answer'] =>
  (socket) =>
    socket.write(start, () => endless(socket, part, pauseMs));

const body =
  (text: string | Buffer, headers = json): Hostility['answer'] =>
  (socket) => {
    socket.write(`${ok}${headers}content-length: ${Buffer.byteLength(text)}\r\n\r\n`);
    socket.write(text);
  };

const failed = { kind: 'failed' };
const late = { kind: 'failed', failure: { errorClass: 'timeout' } };
const bad = { kind: 'failed', failure: { errorClass: 'bad_answer' } };
const zeros = Buffer.alloc(65_536);
const hints = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n';
const chunked = `${ok}transfer-encoding: chunked\r\n\r\n`;
const bomb = zlib.gzipSync(Buffer.alloc(100_000_000));
const flatBomb = zlib.deflateSync(Buffer.alloc(100_000_000));

/** Ended by a deadline, or they would not end at all. */
export const slow: readonly Hostility[] = [
  { name: 'no answer', answer: () => undefined, outcome: late },
  { name: 'a head, a byte at a time', answer: after(`${ok}a: `, 'b', 100), outcome: late },
  {
    name: 'a body, a byte at a time',
    answer: after(`${ok}content-length: 9999\r\n\r\n`, 'x', 100),
    outcome: late,
  },
  { name: 'chunks of a byte', answer: after(chunked, '1\r\nx\r\n', 100), outcome: late },
  { name: 'a head and no body', answer: (s) => s.write(`${ok}content-length: 2\r\n\r\n`), outcome: late },
  {
    name: 'a failure, a byte at a time',
    answer: after('HTTP/1.1 500 No\r\ncontent-length: 9999\r\n\r\n', 'x', 100),
    outcome: { kind: 'failed', failure: { errorClass: 'http_500' } },
  },
  { name: 'early hints without end', answer: after('', hints, 20), outcome: failed },
  {
    name: 'an extension of a chunk without end',
    answer: after(`${chunked}1;a=`, 'b'.repeat(65_536), 50),
    outcome: failed,
  },
  { name: 'half an answer', answer: (s) => s.write('HTTP/1.1 20'), outcome: late },
];

export const bodies: readonly Hostility[] = [
  { name: 'a line of the head without end', answer: after(`${ok}a: `, 'b'.repeat(8_192)), outcome: bad },
  { name: 'lines of the head without end', answer: after(ok, 'a: b\r\n'.repeat(1_000)), outcome: bad },
  {
    name: 'trailers without end',
    answer: after(`${chunked}0\r\n`, 'a: b\r\n'.repeat(1_000)),
    outcome: failed,
  },
  {
    name: 'a body of a terabyte',
    answer: after(`${ok}content-length: 1099511627776\r\n\r\n`, zeros),
    outcome: delivered,
  },
  { name: 'a body without end', answer: after(`${ok}${json}\r\n`, zeros), outcome: delivered },
  {
    name: 'a failure without end',
    answer: after('HTTP/1.1 500 No\r\n\r\n', zeros),
    outcome: { kind: 'failed', failure: { errorClass: 'http_500' } },
  },
  {
    name: 'a gzip bomb',
    answer: body(bomb, `${json}content-encoding: gzip\r\n`),
    outcome: delivered,
  },
  {
    name: 'a deflate bomb',
    answer: body(flatBomb, `${json}content-encoding: deflate\r\n`),
    outcome: delivered,
  },
  { name: 'no gzip', answer: body('{}', `${json}content-encoding: gzip\r\n`), outcome: delivered },
  { name: 'an unknown encoding', answer: body('{}', `${json}content-encoding: zip\r\n`), outcome: delivered },
  {
    name: 'another charset',
    answer: body(Buffer.from('{"a":"é"}', 'utf16le'), 'content-type: application/json; charset=utf-16\r\n'),
    outcome: delivered,
  },
  {
    name: 'an unknown charset',
    answer: body('{}', 'content-type: text/plain; charset=x-no\r\n'),
    outcome: delivered,
  },
  {
    name: 'no UTF-8',
    answer: body(Buffer.from([0x22, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0x22])),
    outcome: delivered,
  },
  { name: 'NUL bytes', answer: body(Buffer.alloc(1_000)), outcome: delivered },
  { name: 'a NUL byte in the head', answer: (s) => s.write(`${ok}a: b\0c\r\n\r\n`), outcome: bad },
  { name: 'no JSON', answer: body('{"ok":'), outcome: delivered },
  { name: 'a page', answer: body('<html>Login</html>', 'content-type: text/html\r\n'), outcome: delivered },
  { name: 'null', answer: body('null'), outcome: delivered },
  {
    name: 'JSON of 100,000 levels',
    answer: body('['.repeat(100_000) + ']'.repeat(100_000)),
    outcome: delivered,
  },
  { name: 'a prototype', answer: body('{"__proto__":{"status":500},"then":1}'), outcome: delivered },
  { name: 'nothing', answer: body(''), outcome: delivered },
  { name: 'a thousand early hints', answer: (s) => s.write(hints.repeat(1_000) + whole), outcome: delivered },
  { name: 'more than its length', answer: (s) => s.write(`${whole}and more`), outcome: delivered },
  {
    name: 'a reset after a whole answer',
    answer: (s) => s.write(whole, () => setTimeout(() => s.resetAndDestroy(), 20)),
    outcome: delivered,
  },
  {
    name: 'a thousand cookies',
    answer: body('{}', 'set-cookie: a=b\r\n'.repeat(1_000)),
    outcome: delivered,
  },
  {
    name: 'all that it was sent, as a success',
    answer: (s, request) => body(request)(s, request),
    outcome: delivered,
  },
  {
    name: 'all that it was sent, as a failure',
    answer: (s, request) =>
      s.write(`HTTP/1.1 400 No\r\n${json}content-length: ${Buffer.byteLength(request)}\r\n\r\n${request}`),
    outcome: { kind: 'refused', failure: { errorClass: 'http_400' } },
  },
];
