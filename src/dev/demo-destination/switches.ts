import { readFileSync, writeFileSync } from 'node:fs';
import { webhookSecretProblem } from '../../destinations/webhook-signature.ts';

/** How the demo destination behaves, and the secret by which it knows its sender. */
export interface Switches {
  /** Takes `rateLimit` requests a second and answers the rest with 429 and Retry-After. */
  readonly rateLimited: boolean;
  /** Answers one request in five with 500. */
  readonly failing: boolean;
  /** Takes two seconds for each answer. */
  readonly slow: boolean;
  /** Closes each connection without an answer. */
  readonly down: boolean;
  /** The webhook's signing secret; null: signatures are not checked. */
  readonly secret: string | null;
}

export const rateLimit = 20;
export const failingShare = 0.2;
export const slowMs = 2_000;

export const allOff: Switches = {
  rateLimited: false,
  failing: false,
  slow: false,
  down: false,
  secret: null,
};

/** The switches with the changes that a request asks for; a text that says what is wrong with them otherwise. */
export function changed(switches: Switches, changes: unknown): Switches | string {
  if (typeof changes !== 'object' || changes === null || Array.isArray(changes)) return 'expected an object';
  for (const [name, value] of Object.entries(changes)) {
    const problem = problemOf(name, value);
    if (problem !== null) return `${name}: ${problem}`;
  }
  return { ...switches, ...changes };
}

function problemOf(name: string, value: unknown): string | null {
  if (!Object.hasOwn(allOff, name))
    return `there is no such switch; there are ${Object.keys(allOff).join(', ')}`;
  if (name !== 'secret') return typeof value === 'boolean' ? null : 'expected true or false';
  if (value === null) return null;
  return typeof value === 'string' ? webhookSecretProblem(value) : 'expected a text, or null';
}

/** The switches kept in a file; all off when there is none. */
export function readSwitches(file: string): Switches {
  try {
    const kept = changed(allOff, JSON.parse(readFileSync(file, 'utf8')));
    return typeof kept === 'string' ? allOff : kept;
  } catch {
    return allOff; // none yet, or not finished by a process that was killed; the page shows which are on
  }
}

export function writeSwitches(file: string, switches: Switches): void {
  writeFileSync(file, JSON.stringify(switches), { mode: 0o600 });
}
