import type { Logger } from 'pino';
import type { AppendOptions } from '../db/archive/append.ts';
import type { Database } from '../db/database.ts';
import type { SuppressedUsers } from '../db/sources.ts';
import type { EgressAllow } from '../destinations/egress-address.ts';
import type { Keyring } from '../destinations/secrets.ts';
import type { Orchestrator } from '../temporal/orchestrator.ts';

/** What the admin API works with. */
export interface ApiDeps extends AppendOptions {
  readonly db: Database;
  readonly orchestrator: Orchestrator;
  readonly log: Logger;
  readonly adminToken: string;
  /** Requests a second that a token may make in this process; 0: any number. */
  readonly requestsPerSecond: number;
  /** What becomes of events of suppressed users, of sources that are made from now on. */
  readonly suppressedUsers: SuppressedUsers;
  /** Where this deployment keeps its data; null: not stated. */
  readonly region: string | null;
  /** Aborts when the process ends: answers that go on for ever end then. */
  readonly stopping: AbortSignal;
  /** Seals settings and kept answers. */
  readonly keyring: Keyring;
  /** Addresses beside the public ones that a destination may have. */
  readonly egress: EgressAllow;
}
