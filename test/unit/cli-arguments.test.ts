import { InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import { apiUrl } from '../../src/cli/api-url.ts';
import {
  before,
  jsonObject,
  rate,
  setting,
  several,
  texts,
  time,
  whole,
  words,
} from '../../src/cli/arguments.ts';

test.each([
  ['200', 200],
  ['200/s', 200],
  ['0.5/s', 0.5],
  ['600/min', 10],
  ['600/m', 10],
  ['7200/h', 2],
])('a rate of %s is %d events a second', (text, expected) => {
  expect(rate(text)).toBe(expected);
});

test.each(['', '0', '-1', '200/day', 'fast', '1e3', '200 /s', '200/'])('"%s" is no rate', (text) => {
  expect(() => rate(text)).toThrow(InvalidArgumentError);
});

test.each([
  ['30', 30_000],
  ['30s', 30_000],
  ['1.5s', 1_500],
  ['5m', 300_000],
  ['1h30m', 5_400_000],
])('a time of %s is %d ms', (text, expected) => {
  expect(time(text)).toBe(expected);
});

test.each(['', '0', '5 m', 'm', '5x', '5m!', '-5m'])('"%s" is no time', (text) => {
  expect(() => time(text)).toThrow(InvalidArgumentError);
});

test('whole numbers begin at 1, times before now have a unit', () => {
  expect(whole('64')).toBe(64);
  expect(before('30d')).toBe('30d');
  for (const text of ['0', '-1', '1.5', '', 'x', '9'.repeat(16)])
    expect(() => whole(text)).toThrow(InvalidArgumentError);
  for (const text of ['30', 'd', '30 d', '30y', '100000d'])
    expect(() => before(text)).toThrow(InvalidArgumentError);
});

test('words of a choice may be several, and another one is none', () => {
  const status = several(['running', 'paused', 'failed']);
  expect(status('failed', status('running, paused'))).toEqual(['running', 'paused', 'failed']);
  for (const text of ['', ',', 'done', 'running,done'])
    expect(() => status(text)).toThrow('running, paused, failed');
});

test('words stand between commas or in options of their own, names keep their commas', () => {
  expect(words('b, c,', words('a'))).toEqual(['a', 'b', 'c']);
  expect(texts('One, two', texts('Three'))).toEqual(['Three', 'One, two']);
});

test('a setting is JSON where it can be, else text', () => {
  expect(setting('batchSize=100')).toEqual({ batchSize: 100 });
  expect(setting('headers={"a":"b"}', { batchSize: 1 })).toEqual({ batchSize: 1, headers: { a: 'b' } });
  expect(setting('url=https://x.y/?a=b')).toEqual({ url: 'https://x.y/?a=b' });
  expect(() => setting('headers={"a":"b","a":"c"}')).toThrow('It has "a" twice, the second time at line 1');
  expect(() => setting('url')).toThrow(InvalidArgumentError);
  expect(() => setting('=x')).toThrow(InvalidArgumentError);
});

test.each([
  'notaurl',
  'localhost:4000',
  'ftp://127.0.0.1',
  'http://',
  'http://127.0.0.1:99999',
  'http://127.0.0.1/?a=b',
  'http://127.0.0.1/#a',
  'http://me:hidden@127.0.0.1',
  '',
])('"%s" is no address of an API', (text) => {
  expect(() => apiUrl(text)).toThrow(InvalidArgumentError);
  expect(() => apiUrl(text)).not.toThrow(/hidden/);
});

test('an address of an API may have a path, and loses slashes at its end', () => {
  expect(apiUrl('http://localhost:4000/')).toBe('http://localhost:4000');
  expect(apiUrl('HTTPS://reprise.example.com/at//')).toBe('HTTPS://reprise.example.com/at');
});

test('a JSON object is read as the API reads it: with the place of what is wrong', () => {
  expect(jsonObject('{"total":25,"items":[{"id":1},{"id":2}]}')).toEqual({
    total: 25,
    items: [{ id: 1 }, { id: 2 }],
  });
  expect(() => jsonObject('{"total":25,"total":3}')).toThrow(
    'It has "total" twice, the second time at line 1',
  );
  expect(() => jsonObject('{"total":}')).toThrow('It is not JSON (line 1, column 10: expected ');
  for (const text of ['[1]', '"a"', 'null', '25'])
    expect(() => jsonObject(text)).toThrow('Write a JSON object');
});
