import { expect, test } from 'vitest';
import { withoutQuery } from '../../src/destinations/http-exchange.ts';
import { secretMask } from '../../src/destinations/secret-mask.ts';
import { shownUrl } from '../../src/destinations/shown-url.ts';

test.each([
  ['http://u:PWSECRET@example.com/x', 'http://[secret]@example.com/x', 'http://example.com/x'],
  ['http://u:p@PWSECRET@example.com/x', 'http://[secret]@example.com/x', 'http://example.com/x'],
  ['//u:PWSECRET@example.com/x', '//[secret]@example.com/x', '//example.com/x'],
  ['kafka://u:PWSECRET@broker:9092/x', 'kafka://[secret]@broker:9092/x', 'kafka://broker:9092/x'],
  ['/next/@ann', '/next/@ann', '/next/@ann'],
  ['https://example.com/@ann', 'https://example.com/@ann', 'https://example.com/@ann'],
])('%s is shown without its user info', (url, hidden, without) => {
  expect(shownUrl(url, secretMask([]))).toBe(hidden);
  expect(withoutQuery(url)).toBe(without);
});
