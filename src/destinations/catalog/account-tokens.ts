import type { Renew, Renewed, Tokens } from '../definition.ts';
import { secretMask, type SecretMask } from '../secret-mask.ts';
import { tokensOf } from './job-outcome.ts';
import type { JobEnd, JobRun } from './job-run.ts';
import type { Account, OAuth, Work } from './protocol.ts';

/** How the tokens of an account are renewed. */
export interface Renewal {
  readonly renew: Renew;
  /** What stored settings are to the definition, and the secrets in them. */
  readonly read: (settings: unknown) => {
    readonly account: Account;
    readonly oauth: OAuth;
    readonly secrets: readonly string[];
  };
}

export interface AccountTokensOptions extends Renewal {
  readonly account: Account;
  /** Of the account as it was opened. */
  readonly secrets: readonly string[];
  /** Runs the definition's own code. */
  readonly perform: (account: Account, work: Work) => Promise<{ readonly end: JobEnd; readonly run: JobRun }>;
}

/** What is told of a refused access token. @param problem why there is no other one */
export const noNewToken = (problem: string) =>
  `The access token was refused, and no new one could be had: ${problem}`;

/** The tokens of one account in this process; several calls that are refused at once renew them once. */
export class AccountTokens {
  readonly #options: AccountTokensOptions;
  #account: Account;
  #secrets: readonly string[];
  #mask: SecretMask;
  #renewing: Promise<string | null> | null = null;

  constructor(options: AccountTokensOptions) {
    this.#options = options;
    this.#account = options.account;
    this.#secrets = options.secrets;
    this.#mask = secretMask(options.secrets);
  }

  /** The account with the newest tokens that are known here. */
  get account(): Account {
    return this.#account;
  }

  /** Hides tokens of before, too: an answer may still show them. */
  get mask(): SecretMask {
    return this.#mask;
  }

  /** Never rejects. @param stale the access token that was refused. @returns null when there is another one now, else why not */
  async renew(stale: string): Promise<string | null> {
    if (this.#account.auth?.accessToken !== stale) return null;
    this.#renewing ??= this.#renew(stale).finally(() => (this.#renewing = null));
    return await this.#renewing;
  }

  async #renew(stale: string): Promise<string | null> {
    const { read } = this.#options;
    const renewed = await this.#kept(stale);
    if (!renewed.ok) return renewed.message;
    const { account, secrets } = read(renewed.settings);
    this.#account = account;
    this.#secrets = [...this.#secrets, ...secrets];
    this.#mask = secretMask(this.#secrets);
    return null;
  }

  /** What keeps tokens may be away; deliveries are tried again then. */
  async #kept(stale: string): Promise<Renewed> {
    try {
      return await this.#options.renew(stale, (settings) => this.#fetch(settings));
    } catch {
      return { ok: false, message: 'Where tokens are kept cannot be reached.' };
    }
  }

  /** Asks the definition's own code for new tokens. @returns them, or why there are none */
  async #fetch(settings: unknown): Promise<Tokens | string> {
    const { account, oauth, secrets } = this.#options.read(settings);
    const { end, run } = await this.#options.perform(account, { kind: 'refresh', oauth });
    const mask = secretMask([...this.#secrets, ...secrets]);
    return tokensOf(end, run, { mask, now: Date.now(), showsSuccess: false });
  }
}
