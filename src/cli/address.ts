import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { CommandLineConfig } from '../config.ts';
import { apiUrl } from './api-url.ts';
import { exits, Failure } from './failure.ts';

/** Where the API is and what opens it. */
export interface ApiAddress {
  readonly url: string;
  /** null: none was found; every call that needs one then says how to give it. */
  readonly token: string | null;
  /** Where the address was found, for a person. */
  readonly from: string;
  /** Where the token was found; null when there is none. */
  readonly tokenFrom: string | null;
}

/** What the command line says of it. */
export interface GivenAddress {
  readonly apiUrl?: string;
  readonly token?: string;
}

/** What a place on the disk knows. */
interface Kept {
  readonly place: string;
  readonly url: string | null;
  readonly token: string | null;
}

/**
 * The first that is there of: option, environment, the data folder of `npm start`, the user's own settings. A token
 * that was kept with one address is sent to no other one.
 * @throws Failure when nothing says where the API is, or what says it cannot be used
 */
export function findApi(given: GivenAddress, config: CommandLineConfig): ApiAddress {
  const places = [keptByStart(config.REPRISE_DATA_DIR), keptByUser(config)];
  const url = given.apiUrl ?? config.REPRISE_API_URL;
  const said = given.apiUrl === undefined ? 'REPRISE_API_URL' : '--api-url';
  const kept = places.find((place) => place.url !== null && (url === undefined || isSame(place.url, url)));
  const found = url ?? kept?.url;
  if (found === undefined || found === null) throw nowhere(config);
  const tokens: readonly (readonly [token: string | null | undefined, from: string])[] = [
    [given.token, '--token'],
    [config.REPRISE_TOKEN, 'REPRISE_TOKEN'],
    [kept?.token, kept?.place ?? ''],
    [config.REPRISE_ADMIN_TOKEN, 'REPRISE_ADMIN_TOKEN'],
  ];
  const [token, tokenFrom] = tokens.find(([one]) => one !== undefined && one !== null) ?? [null, null];
  const from = url === undefined ? (kept?.place ?? '') : said;
  return {
    url: usable(found, from),
    token: token === null || token === undefined ? null : sendable(token, tokenFrom ?? ''),
    from,
    tokenFrom,
  };
}

/** An address that a call can go to. @throws Failure that says what is wrong with it, and who gave it */
function usable(url: string, from: string): string {
  try {
    return apiUrl(url);
  } catch (error) {
    throw new Failure(exits.usage, `The address from ${from} cannot be used: ${(error as Error).message}`);
  }
}

/** A token that a header can carry, without the line break that a file may end with. @throws Failure; it shows no part of the token */
function sendable(token: string, from: string): string {
  const text = token.trim();
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  const what = text === '' ? 'is empty' : 'has spaces or letters that no token has';
  throw new Failure(exits.auth, `The token from ${from} ${what}.`, [
    'Give it whole, as `reprise token create` showed it.',
  ]);
}

function nowhere(config: CommandLineConfig): Failure {
  return new Failure(exits.unreachable, 'Where is the API? Nothing says so.', [
    `No Reprise runs on ${config.REPRISE_DATA_DIR} in this folder: start one with \`npm start\`, or go to its folder.`,
    'Or name another one: --api-url and --token, REPRISE_API_URL and REPRISE_TOKEN,',
    `or ${settingsFile(config)} with {"apiUrl": "…", "token": "…"}.`,
  ]);
}

/** Whether two addresses are one server: this machine has several names. */
function isSame(one: string, other: string): boolean {
  const origin = (text: string) => {
    if (!URL.canParse(text)) return text;
    const url = new URL(text);
    if (['127.0.0.1', '[::1]'].includes(url.hostname)) url.hostname = 'localhost';
    return url.origin;
  };
  return origin(one) === origin(other);
}

/** While it runs, the lock on its folder tells its address; the folder keeps its admin token (src/dev/data-folder.ts). */
function keptByStart(folder: string): Kept {
  const { url } = readJson(join(folder, 'lock'));
  const token = read(join(folder, 'admin-token'))?.trim() ?? null;
  return { place: folder, url: typeof url === 'string' ? url : null, token };
}

function keptByUser(config: CommandLineConfig): Kept {
  const file = settingsFile(config);
  const { apiUrl, token } = readJson(file);
  return {
    place: file,
    url: typeof apiUrl === 'string' ? apiUrl : null,
    token: typeof token === 'string' ? token : null,
  };
}

function settingsFile({ XDG_CONFIG_HOME: home }: CommandLineConfig): string {
  return join(home ?? join(homedir(), '.config'), 'reprise', 'config.json');
}

function readJson(file: string): Record<string, unknown> {
  const text = read(file);
  if (text === null) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    throw new Failure(exits.usage, `${file} is no JSON.`, ['Mend it, or take it away.']);
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return null;
    throw error;
  }
}
