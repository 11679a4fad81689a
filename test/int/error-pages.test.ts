import { describe, expect, test } from 'vitest';
import { problemKinds } from '../../src/api/problem.ts';
import { refusals } from '../../src/api/tracking/refusal.ts';
import { rejectionReasons } from '../../src/core/rejection.ts';
import { answered, testApi } from '../support/api.ts';
import { testDatabase } from '../support/database.ts';

const api = await testApi(await testDatabase());
const read = async (path: string) => await answered(await fetch(api.url + path));
const codes = [problemKinds, refusals, rejectionReasons].flatMap((table) => Object.keys(table));

describe('the page of an error', () => {
  test.each([...new Set(codes)])('%s says what it means and what to do', async (code) => {
    const { status, headers, text } = await read(`/docs/errors/${code}`);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(text).toContain(`<h1><code>${code}</code></h1>`);
    expect(text.match(/What to do\.<\/strong> \S.{15}/g)).toHaveLength(
      codes.filter((one) => one === code).length,
    );
    if (code in problemKinds) {
      expect(text).toContain('When it comes.');
      expect(text).toContain(`&quot;type&quot;: &quot;/docs/errors/${code}&quot;`);
    }
  });

  test('is where the type of a problem leads, without a token', async () => {
    const { body } = await read('/api/sources');
    const page = await read(new URL(body.type as string, `${api.url}/api/sources`).pathname);
    expect(page.text).toContain('<h1><code>unauthorized</code></h1>');
  });

  test('is listed', async () => {
    const { text } = await read('/docs/errors');
    for (const code of codes) expect(text).toContain(`href="/docs/errors/${code}"`);
  });

  test.each(['nothing', '__proto__', 'constructor', '%3Cscript%3E'])('%s is none', async (code) => {
    const { status, body } = await read(`/docs/errors/${code}`);
    expect([status, body.code]).toEqual([404, 'not_found']);
  });
});
