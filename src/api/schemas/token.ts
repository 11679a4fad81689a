import { z } from 'zod';
import { roles } from '../../core/role.ts';
import type { TokenRecord } from '../../db/tokens.ts';
import { ActorShown, Id, Name, Time } from './fields.ts';

export const TokenRole = z.enum(roles).meta({
  description:
    '`viewer` reads. `operator` also works the engine: replays, retries, imports, suppressions, pausing and testing. `admin` does everything: sources and their keys, destinations, tokens, audit.',
});

const ExpiresAt = Time.refine(
  (time) => !(Date.parse(time) <= Date.now()), // what is no time at all is refused as such
  'This time has passed. Give one that lies ahead.',
).meta({ description: 'From then on the token is refused.', example: '2127-10-14T02:00:00.000Z' });

export const NewToken = z.strictObject({
  name: Name,
  role: TokenRole,
  expiresAt: ExpiresAt.nullable().default(null),
});

export const ChangedToken = z
  .strictObject({
    name: Name.optional(),
    expiresAt: ExpiresAt.nullable().optional().meta({ description: 'null: it never expires.' }),
  })
  .refine((change) => Object.keys(change).length > 0, 'Name what is to change: name, expiresAt.');

export const Token = z
  .object({
    id: Id,
    name: Name,
    role: TokenRole,
    createdBy: ActorShown.meta({ description: 'Who made it, by the name of that time.' }),
    createdAt: Time,
    expiresAt: Time.nullable().meta({ description: 'From then on it is refused; null: never.' }),
    lastUsedAt: Time.nullable().meta({ description: 'Kept to a minute. null: it was never used.' }),
    revokedAt: Time.nullable().meta({ description: 'Since when it is refused for good; null: it is not.' }),
  })
  .meta({ id: 'Token' });

export const TokenWithText = Token.extend({
  token: z.string().meta({ description: 'The token itself, shown in this answer only.' }),
}).meta({ id: 'TokenWithText' });

/** A token as it is answered. */
export function showToken(token: TokenRecord): z.input<typeof Token> {
  return {
    id: token.id,
    name: token.name,
    role: token.role,
    createdBy: token.createdBy,
    createdAt: token.createdAt.toISOString(),
    expiresAt: token.expiresAt?.toISOString() ?? null,
    lastUsedAt: token.lastUsedAt?.toISOString() ?? null,
    revokedAt: token.revokedAt?.toISOString() ?? null,
  };
}

export const tokenExample: z.input<typeof Token> = {
  id: '9b1d3f64-7f0c-4d5e-8a72-6c0e5b9f2d18',
  name: 'Dashboard',
  role: 'viewer',
  createdBy: { tokenId: null, name: 'environment' },
  createdAt: '2026-10-14T02:00:00.000Z',
  expiresAt: '2027-10-14T02:00:00.000Z',
  lastUsedAt: null,
  revokedAt: null,
};
