import { createHash, timingSafeEqual } from 'node:crypto';
import { problem, type Problem } from './problem.ts';

/**
 * Makes the check of the admin token (RFC 6750, `Authorization: Bearer`). Both sides are hashed before they are
 * compared in constant time, so neither length nor content can be measured.
 * @returns null when the request may go on
 */
export function bearerCheck(adminToken: string): (authorization: string | undefined) => Problem | null {
  const wanted = digest(adminToken);
  return (authorization) => {
    const [, token] = /^Bearer +(\S+) *$/i.exec(authorization ?? '') ?? [];
    if (token !== undefined && timingSafeEqual(digest(token), wanted)) return null;
    const fault = token === undefined ? '' : ', error="invalid_token"';
    return problem(
      'unauthorized',
      token === undefined
        ? 'Send the admin token in the header `Authorization: Bearer <token>`.'
        : 'The token in the Authorization header is not the admin token of this server.',
      { headers: { 'www-authenticate': `Bearer realm="reprise"${fault}` } },
    );
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
