import { expect, test } from 'vitest';
import { testApi } from '../support/api.ts';
import { openPage } from '../support/browser.ts';
import { testDatabase } from '../support/database.ts';

const api = await testApi(await testDatabase());

test('the reference shows every operation, asks nobody else, and breaks no policy', async () => {
  const page = await openPage('about:blank');
  const asked: string[] = [];
  const faults: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (line) => {
    if (line.type() === 'error' || line.type() === 'warning') faults.push(line.text());
  });
  await page.goto(`${api.url}/docs`);
  await page.getByText('Start a replay').first().waitFor();
  for (const text of [
    'Connect a destination',
    'Watch a replay',
    'List dead letters',
    'Whether the process can serve',
  ]) {
    await page.getByText(text).first().waitFor({ state: 'attached' });
  }
  expect(faults).toEqual([]);
  expect(asked.filter((url) => !url.startsWith(api.url) && !url.startsWith('data:'))).toEqual([]);
});
