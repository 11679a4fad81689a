import { setTimeout as delay } from 'node:timers/promises';
import type { FaultLine } from '../support/checker.ts';
import type { SinkMode } from '../support/ledger-sink.ts';
import type { LinkMode } from '../support/proxy.ts';
import { roleNames, type RoleName, type ServerName, type Stage } from './stage.ts';
import type { Transfer } from './transfer.ts';

const loseDeadlineMs = 20_000;

/** Something harmful. */
export interface Fault extends Pick<FaultLine, 'name' | 'kind' | 'target'> {
  /** Roles that have to start anew because of it. */
  readonly restarts?: readonly RoleName[];
  /** Does it; resolves when it is over. */
  readonly work: (stage: Stage, transfer: Transfer) => Promise<unknown>;
}

const groups = {
  delivery: ['delivery-1', 'delivery-2'],
  everything: roleNames,
} as const satisfies Record<string, readonly RoleName[]>;

/** One role, both delivery workers, or every process but the two servers. */
export type Target = RoleName | keyof typeof groups;

function rolesOf(target: Target): readonly RoleName[] {
  return target in groups ? groups[target as keyof typeof groups] : [target as RoleName];
}

/** Processes end; whoever keeps them running starts them again. */
export function endRoles(target: Target, signal: 'SIGKILL' | 'SIGTERM'): Fault {
  return {
    name: `${signal} of ${target}`,
    kind: signal === 'SIGKILL' ? 'kill' : 'terminate',
    target,
    restarts: rolesOf(target),
    work: ({ roles }) => Promise.all(rolesOf(target).map((name) => roles[name].end(signal))),
  };
}

/** A process stands still and goes on later. */
export function stopRole(name: RoleName, ms: number): Fault {
  return {
    name: `SIGSTOP of ${name} for ${ms / 1_000} s`,
    kind: 'stop',
    target: name,
    work: async ({ roles }) => {
      const thaw = await roles[name].freeze();
      await delay(ms);
      thaw();
    },
  };
}

/** A server stands still and goes on later: its connections stay, and nothing comes over them. */
export function stopServer(name: ServerName, ms: number): Fault {
  return {
    name: `SIGSTOP of ${name} for ${ms / 1_000} s`,
    kind: 'stop',
    target: name,
    work: async ({ servers }) => {
      const thaw = servers[name].freeze();
      await delay(ms);
      thaw();
    },
  };
}

/** A server is killed, and started again on the same data; over when it accepts. */
export function killServer(name: ServerName, awayMs: number): Fault {
  return {
    name: `SIGKILL of ${name}, away for ${awayMs / 1_000} s`,
    kind: 'kill',
    target: name,
    work: async ({ servers }) => {
      await servers[name].kill();
      await delay(awayMs);
      await servers[name].start();
    },
  };
}

/** The links of a role to a server are cut, and restored. */
export function cutLinks(target: Target, server: ServerName, ms: number): Fault {
  return {
    name: `${target} cut off from ${server} for ${ms / 1_000} s`,
    kind: 'cut',
    target: `${target}>${server}`,
    work: async ({ links }) => {
      await Promise.all(rolesOf(target).map((name) => links[name][server].cut()));
      await delay(ms);
      await Promise.all(rolesOf(target).map((name) => links[name][server].become({})));
    },
  };
}

/** The links of a role to a server are not as they should be for a while. */
export function disturbLinks(target: Target, server: ServerName, mode: LinkMode, ms: number): Fault {
  return {
    name: `${target} to ${server} with ${JSON.stringify(mode)} for ${ms / 1_000} s`,
    kind: 'slow',
    target: `${target}>${server}`,
    work: async ({ links }) => {
      await Promise.all(rolesOf(target).map((name) => links[name][server].become(mode)));
      await delay(ms);
      await Promise.all(rolesOf(target).map((name) => links[name][server].become({})));
    },
  };
}

/**
 * Postgres does what it is asked to, and the connection is reset instead of its answer.
 * @param request what the request holds, e.g. `commit`; those of each process are counted apart
 */
export function loseAnswers(target: Target, request: string, times: number): Fault {
  return {
    name: `${times} answers to ${request.trim()} lost by ${target}`,
    kind: 'loseAnswers',
    target: `${target}>postgres`,
    work: async ({ links }) => {
      const lost = rolesOf(target).map((name) => links[name].postgres.loseAnswers(request, times));
      const none = delay(loseDeadlineMs, 'none', { ref: false });
      if ((await Promise.race([...lost, none])) === 'none')
        throw new Error(`no answer to ${request} was lost`);
    },
  };
}

/** The destination answers otherwise for a while. */
export function answer(name: string, mode: SinkMode, ms: number): Fault {
  return {
    name,
    kind: 'answers',
    target: 'sink',
    work: async (_, { sink }) => {
      const usual = { delayMs: mode.delayMs ?? 0 };
      await sink.become(mode);
      await delay(ms);
      await sink.become(usual);
    },
  };
}

/** The link to the destination is cut, and restored. */
export function cutSink(ms: number): Fault {
  return {
    name: `the destination is gone for ${ms / 1_000} s`,
    kind: 'cut',
    target: 'delivery>sink',
    work: async (_, { link }) => {
      await link.cut();
      await delay(ms);
      await link.become({});
    },
  };
}
