import type net from 'node:net';

export type ConnectOptions = Partial<net.TcpSocketConnectOpts & net.IpcSocketConnectOpts>;

/**
 * The forms that net.Socket.prototype.connect takes, as one: (options), (path), (port, host), each with an optional
 * callback, and the pair [options, callback] that net.connect hands on.
 */
export function connectArguments(args: readonly unknown[]): {
  readonly options: ConnectOptions;
  readonly rest: unknown[];
} {
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
