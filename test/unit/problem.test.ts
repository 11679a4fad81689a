import { expect, test } from 'vitest';
import { problem, problemDocument, problemKinds, type ProblemCode } from '../../src/api/problem.ts';

test('a refusal becomes a document of RFC 9457 with its code, faults and request', () => {
  const errors = [{ pointer: '/name', detail: 'Missing: expected a text.' }];
  expect(problemDocument(problem('invalid_body', '/name: Missing.', { errors }), 'r-1')).toEqual({
    type: '/docs/errors/invalid_body',
    title: 'The body has fields that cannot be used',
    status: 422,
    code: 'invalid_body',
    detail: '/name: Missing.',
    errors,
    requestId: 'r-1',
  });
});

test('members of its own stand beside the standard ones and replace none', () => {
  const members = { replayId: 'x', status: 200, code: 'fine', requestId: 'forged' };
  expect(problemDocument(problem('replay_running', 'busy', { members }), 'r-1')).toMatchObject({
    replayId: 'x',
    status: 409,
    code: 'replay_running',
    requestId: 'r-1',
  });
});

test('every kind has an error status and a title', () => {
  for (const code of Object.keys(problemKinds) as ProblemCode[]) {
    const [status, title] = problemKinds[code];
    expect(status).toBeGreaterThanOrEqual(400);
    expect(title).not.toBe('');
  }
});
