import { AsyncLocalStorage } from 'node:async_hooks';
import dns from 'node:dns';
import net from 'node:net';
import { connectArguments, type ConnectOptions } from './connect-arguments.ts';
import { addressProblem, type EgressAllow, type Ports } from './egress-address.ts';

// Destinations are addresses that users type, so every socket opened for one is checked where all of Node's clients
// meet: net.Socket.prototype.connect. A client's own hook is not enough: undici's `connect.lookup` is never called for
// an address literal. What the guard cannot see: a socket that code outside the guard connected and an agent shared with
// it hands over. Clients of destinations therefore have agents of their own.

/** A connection that the guard did not open. */
class EgressRefusedError extends Error {
  override readonly name = 'EgressRefusedError';
  readonly code = 'EGRESS_REFUSED';
}

interface Rule {
  readonly allow: EgressAllow;
  /** Allowed beside those of HTTP. */
  readonly ports: Ports;
}

const context = new AsyncLocalStorage<Rule>();
let installed = false;

/**
 * Runs `work` so that every socket connected by it, or by what it starts, is checked against the address rule.
 * @param ports may be dialled beside those of HTTP
 */
export function runGuarded<T>(allow: EgressAllow, work: () => T, ports: Ports = []): T {
  installEgressGuard();
  return context.run({ allow, ports }, work);
}

/** Patches `net.Socket.prototype.connect` once for the whole process; outside `runGuarded` nothing changes. */
export function installEgressGuard(): void {
  if (installed) return;
  installed = true;
  const prototype = net.Socket.prototype as { connect: Connect };
  const original = prototype.connect;
  prototype.connect = function guardedConnect(this: net.Socket, ...args) {
    const rule = context.getStore();
    if (rule === undefined) return original.apply(this, args);
    const { options, rest } = connectArguments(args);
    return original.call(this, guarded(options, rule), ...rest);
  };
}

type Connect = (this: net.Socket, ...args: unknown[]) => net.Socket;

/**
 * The options with what was checked pinned as own properties. A refusal is dealt as a failed look-up, so that it
 * reaches the caller as every other connect error does: as an 'error' event, never as a throw.
 */
function guarded(options: ConnectOptions, rule: Rule): net.TcpSocketConnectOpts {
  const host = options.host || 'localhost';
  const port = Number(options.port);
  const problem = options.path
    ? 'A destination may not be a socket of the file system.'
    : net.isIP(host) === 0
      ? null
      : addressProblem(host, port, rule.allow, rule.ports);
  const pinned =
    problem === null
      ? { host, port, path: undefined, lookup: checkedLookup(options.lookup ?? dns.lookup, port, rule) }
      : { host: 'refused.invalid', port: 1, path: undefined, lookup: failingLookup(problem) };
  return Object.assign(Object.create(options) as net.TcpSocketConnectOpts, pinned);
}

function failingLookup(problem: string): net.LookupFunction {
  return (_host, _options, callback) => {
    process.nextTick(callback, new EgressRefusedError(problem), '');
  };
}

/**
 * Resolves a name and hands on only the addresses that may be dialled. Node dials exactly what it is handed, so a name
 * that changes its address between check and use gains nothing.
 */
function checkedLookup(lookup: net.LookupFunction, port: number, { allow, ports }: Rule): net.LookupFunction {
  return (host, options, callback) => {
    lookup(host, options, (error, found, family) => {
      if (error) return callback(error, found, family);
      const addresses = Array.isArray(found) ? found : [{ address: found, family: family ?? 0 }];
      const problems = addresses.map(({ address }) => addressProblem(address, port, allow, ports));
      const permitted = addresses.filter((_, index) => problems[index] === null);
      if (permitted.length === 0) {
        const reason = problems.find((problem) => problem !== null) ?? 'It has no address.';
        return callback(new EgressRefusedError(`${host}: ${reason}`), []);
      }
      return Array.isArray(found) ? callback(null, permitted) : callback(null, found, family);
    });
  };
}
