import { AsyncLocalStorage } from 'node:async_hooks';
import dns from 'node:dns';
import net from 'node:net';
import { addressProblem, type EgressAllow } from './egress-address.ts';

// Destinations are addresses that users type, so every socket opened for one is checked where all of Node's clients
// meet: net.Socket.prototype.connect. A client's own hook is not enough: undici's `connect.lookup` is never called for
// an address literal. What the guard cannot see: a socket that code outside the guard connected and an agent shared with
// it hands over. Clients of destinations therefore have agents of their own.

/** A connection that the guard did not open. */
class EgressRefusedError extends Error {
  override readonly name = 'EgressRefusedError';
  readonly code = 'EGRESS_REFUSED';
}

const context = new AsyncLocalStorage<EgressAllow>();
let installed = false;

/** Runs `work` so that every socket connected by it, or by what it starts, is checked against the address rule. */
export function runGuarded<T>(allow: EgressAllow, work: () => T): T {
  installEgressGuard();
  return context.run(allow, work);
}

/** Patches `net.Socket.prototype.connect` once for the whole process; outside `runGuarded` nothing changes. */
export function installEgressGuard(): void {
  if (installed) return;
  installed = true;
  const prototype = net.Socket.prototype as { connect: Connect };
  const original = prototype.connect;
  prototype.connect = function guardedConnect(this: net.Socket, ...args) {
    const allow = context.getStore();
    if (allow === undefined) return original.apply(this, args);
    const { options, rest } = normalize(args);
    return original.call(this, guarded(options, allow), ...rest);
  };
}

type Connect = (this: net.Socket, ...args: unknown[]) => net.Socket;
type ConnectOptions = Partial<net.TcpSocketConnectOpts & net.IpcSocketConnectOpts>;

/**
 * The forms that connect takes, as one: (options), (path), (port, host), each with an optional callback, and the pair
 * [options, callback] that net.connect hands on.
 */
function normalize(args: readonly unknown[]): { options: ConnectOptions; rest: unknown[] } {
  const [first, second] = args;
  if (Array.isArray(first)) {
    return { options: first[0] as ConnectOptions, rest: typeof first[1] === 'function' ? [first[1]] : [] };
  }
  const rest = args.slice(1).filter((arg) => typeof arg === 'function');
  if (typeof first === 'object' && first !== null) return { options: first, rest };
  if (typeof first === 'string' && !(Number(first) >= 0)) return { options: { path: first }, rest };
  return {
    options: { port: Number(first), ...(typeof second === 'string' ? { host: second } : {}) },
    rest,
  };
}

/**
 * The options with what was checked pinned as own properties. A refusal is dealt as a failed look-up, so that it
 * reaches the caller as every other connect error does: as an 'error' event, never as a throw.
 */
function guarded(options: ConnectOptions, allow: EgressAllow): net.TcpSocketConnectOpts {
  const host = options.host || 'localhost';
  const port = Number(options.port);
  const problem = options.path
    ? 'A destination may not be a socket of the file system.'
    : net.isIP(host) === 0
      ? null
      : addressProblem(host, port, allow);
  const pinned =
    problem === null
      ? { host, port, path: undefined, lookup: checkedLookup(options.lookup ?? dns.lookup, port, allow) }
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
function checkedLookup(lookup: net.LookupFunction, port: number, allow: EgressAllow): net.LookupFunction {
  return (host, options, callback) => {
    lookup(host, options, (error, found, family) => {
      if (error) return callback(error, found, family);
      const addresses = Array.isArray(found) ? found : [{ address: found, family: family ?? 0 }];
      const problems = addresses.map(({ address }) => addressProblem(address, port, allow));
      const permitted = addresses.filter((_, index) => problems[index] === null);
      if (permitted.length === 0) {
        const reason = problems.find((problem) => problem !== null) ?? 'It has no address.';
        return callback(new EgressRefusedError(`${host}: ${reason}`), []);
      }
      return Array.isArray(found) ? callback(null, permitted) : callback(null, found, family);
    });
  };
}
