import { setTimeout as pause } from 'node:timers/promises';
import type { Renew, Renewed, Tokens } from './definition.ts';
import { open, seal, settingsPlace, type Keyring } from './secrets.ts';

/** What an attempt to be the one who fetches new tokens ended in. */
type RefreshClaim =
  | { readonly kind: 'claimed'; readonly holder: string }
  /** Somebody else does. */
  | { readonly kind: 'busy' }
  /** It failed a moment ago. */
  | { readonly kind: 'failed'; readonly message: string };

/** Where the settings of one destination are kept, and who may renew their tokens is decided. See `tokenRows`. */
export interface TokenStore {
  /** The sealed settings; null when the destination is gone. */
  read(): Promise<string | null>;
  claim(): Promise<RefreshClaim>;
  /** Puts settings in place of those that were read. @returns false when somebody has changed them meanwhile */
  store(before: string, after: string): Promise<boolean>;
  fail(holder: string, message: string): Promise<void>;
  release(holder: string): Promise<void>;
}

const lookEveryMs = 250;
/** A lane that waits for longer lets its deliveries be tried again later. */
const waitMs = 20_000;

type Settings = Readonly<Record<string, unknown>> & { readonly oauth?: Tokens };

/**
 * Renews the tokens of a destination, one process at a time: many vendors take a refresh token once, and whoever comes
 * second would be locked out. New ones are stored before anything is sent with them; a process that is killed between
 * having fetched and having stored them loses them, where the vendor takes a refresh token once.
 */
export function createRenew(store: TokenStore, keyring: Keyring, destinationId: string): Renew {
  const place = settingsPlace(destinationId);
  const read = async () => {
    const sealed = await store.read();
    return sealed === null ? null : { sealed, settings: open(sealed, place, keyring) as Settings };
  };
  /** Settings that were changed meanwhile keep that, and get the tokens unless they have others. */
  const keep = async (stale: string, tokens: Tokens): Promise<Renewed> => {
    for (;;) {
      const now = await read();
      if (now === null) return gone;
      if (now.settings.oauth?.accessToken !== stale) return { ok: true, settings: now.settings };
      const settings = { ...now.settings, oauth: { ...now.settings.oauth, ...tokens } };
      if (await store.store(now.sealed, seal(settings, place, keyring))) return { ok: true, settings };
    }
  };
  return async (stale, refresh) => {
    const giveUpAt = performance.now() + waitMs;
    while (performance.now() < giveUpAt) {
      const now = await read();
      if (now === null) return gone;
      if (now.settings.oauth?.accessToken !== stale) return { ok: true, settings: now.settings };
      const claim = await store.claim();
      if (claim.kind === 'failed') return { ok: false, message: claim.message };
      if (claim.kind === 'busy') {
        await pause(lookEveryMs);
        continue;
      }
      const tokens = await refresh(now.settings);
      if (typeof tokens === 'string') {
        await store.fail(claim.holder, tokens);
        return { ok: false, message: tokens };
      }
      const kept = await keep(stale, tokens);
      await store.release(claim.holder);
      return kept;
    }
    return { ok: false, message: 'Another process is renewing the access token, and has not ended yet.' };
  };
}

const gone: Renewed = { ok: false, message: 'The destination is gone.' };
