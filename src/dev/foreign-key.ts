import { existsSync, readFileSync } from 'node:fs';
import type { Config } from '../config.ts';
import { secretKeyState, WrongSecretKey } from '../db/secret-key-state.ts';
import { createKeyring, keyIdsOf } from '../destinations/secrets.ts';
import type { DataFolder, Secrets } from './data-folder.ts';
import type { DatabaseAddress } from './servers.ts';

/**
 * Looks whether the secret key opens what the database holds before anything is started that would only end by it.
 * @throws WrongSecretKey with the remedy; one more where the data folder has the right key
 */
export async function refuseForeignKey(
  { url }: DatabaseAddress,
  {
    config,
    secrets,
    folder,
  }: { readonly config: Config; readonly secrets: Secrets; readonly folder: DataFolder },
): Promise<void> {
  const known = keyIdsOf(createKeyring(secrets.secretKey, ...config.REPRISE_OTHER_SECRET_KEYS));
  const { verdict, closed } = await secretKeyState(url, { known, lost: config.REPRISE_LOST_SECRET_KEYS });
  if (verdict !== 'wrong') return;
  const needed = closed.map(({ keyId }) => keyId);
  throw new WrongSecretKey(known, closed, whereToLook(config, folder, needed));
}

/** What helps most often here: a key of the environment stands before the one that the data folder keeps. */
function whereToLook(config: Config, folder: DataFolder, needed: readonly string[]): string {
  const shown = folder.shown('secret-key');
  if (config.REPRISE_SECRET_KEY === undefined)
    return `The key of this start is in ${shown}: put the one of before there.`;
  const opens = keptKeyIds(folder).some((id) => needed.includes(id));
  return opens ? `The key in ${shown} is the right one: start without REPRISE_SECRET_KEY.` : '';
}

function keptKeyIds(folder: DataFolder): readonly string[] {
  const file = folder.in('secret-key');
  if (!existsSync(file)) return [];
  try {
    return keyIdsOf(createKeyring(readFileSync(file, 'utf8').trim()));
  } catch {
    return []; // whatever stands there is no key
  }
}
