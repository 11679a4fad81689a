import type { Role } from '../../core/role.ts';
import type { Actor } from '../../db/tokens.ts';

/** Who makes a request. */
export interface Caller extends Actor {
  readonly role: Role;
}

/** The token that the server was started with: it cannot be revoked, so nobody locks himself out. */
export const environment: Caller = { tokenId: null, name: 'environment', role: 'admin' };

/** Who asks for what needs no token. */
export const nobody: Caller = { tokenId: null, name: 'nobody', role: 'viewer' };
