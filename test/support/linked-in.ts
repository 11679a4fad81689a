import { successOf } from './contract/answers.ts';
import type { Answer, Recorded } from './internet.ts';

/** LinkedIn as far as its conversions go: rules get numbers, campaigns and events are taken. */
export function linkedIn(): (request: Recorded) => Answer {
  let rules = 104_000;
  return ({ method, url, body, headers }) => {
    const { pathname } = new URL(url);
    if (method === 'POST' && pathname === '/rest/conversions') {
      const asked = JSON.parse(body.toString()) as Record<string, unknown>;
      rules += 1;
      return { status: 201, body: JSON.stringify({ ...asked, id: String(rules) }) };
    }
    if (pathname === '/rest/conversionEvents') return successOf({ method, url, body, headers });
    return { status: 200, body: JSON.stringify({ results: {} }) };
  };
}
