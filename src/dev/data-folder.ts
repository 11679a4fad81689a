import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Config } from '../config.ts';
import { keptSecret } from './kept-secret.ts';

/** Where `npm start` keeps everything that must outlive it. */
export interface DataFolder {
  readonly path: string;
  readonly in: (...parts: string[]) => string;
  /** The path as a person would write it from where they are. */
  readonly shown: (...parts: string[]) => string;
}

/** Folders in it that no other user has business in, whatever the rights of the data folder are. */
const closed = ['logs', 'processes', 'temporal', 'demo-destination'];

/** Opens the data folder, made when missing; it is closed to other users. */
export function openDataFolder(config: Config): DataFolder {
  const path = resolve(config.REPRISE_DATA_DIR);
  const inside = (...parts: string[]) => join(path, ...parts);
  mkdirSync(path, { recursive: true });
  for (const folder of closed) mkdirSync(inside(folder), { recursive: true, mode: 0o700 });
  // Root's Postgres runs as another user, who has to pass through to its own folder.
  chmodSync(path, process.getuid?.() === 0 ? 0o711 : 0o700);
  const shown = (...parts: string[]) => {
    const short = relative('', inside(...parts));
    return short.startsWith('..') ? inside(...parts) : short;
  };
  return { path, in: inside, shown };
}

export interface Secrets {
  readonly adminToken: string;
  /** Where a person finds the token; null when the environment gave it. */
  readonly adminTokenFile: string | null;
  /** 32 bytes in base64. */
  readonly secretKey: string;
}

/** The admin token and the key that seals settings: those of the environment, else those kept in the folder. */
export function secretsOf(config: Config, folder: DataFolder): Secrets {
  const { REPRISE_ADMIN_TOKEN: token, REPRISE_SECRET_KEY: key } = config;
  const makeToken = () => `rpr_${randomBytes(24).toString('base64url')}`;
  return {
    adminToken: token ?? keptSecret(folder.in('admin-token'), makeToken),
    adminTokenFile: token === undefined ? folder.shown('admin-token') : null,
    secretKey: key ?? keptSecret(folder.in('secret-key'), () => randomBytes(32).toString('base64')),
  };
}
