import dns from 'node:dns';
import net from 'node:net';

/** What sockets of this process were about to dial; nothing is dialled. */
export interface Dials {
  /** Since it was asked last: addresses, with names resolved. */
  taken(): string[];
}

type Callback = (error: Error | null, found?: readonly { address: string }[] | string) => void;
type Lookup = (host: string, options: object, callback: Callback) => void;
interface Options {
  readonly host?: string;
  readonly path?: string;
  readonly lookup?: Lookup;
}

/**
 * Stands in place of the network, below the guard: notes what would be dialled, and refuses the connection. Names lead to
 * what `addressesOf` says at each look-up. Call it before anything is sent; it lasts as long as the process.
 * @param real an address that is answered all the same, by what listens on this port of the machine
 */
export function noteDials(
  addressesOf: (name: string) => readonly string[],
  real?: { readonly address: string; readonly port: number },
): Dials {
  let dialled: string[] = [];
  const lookup = (name: string, options: { all?: boolean }, callback: Callback) => {
    const found = addressesOf(name).map((address) => ({ address, family: net.isIP(address) }));
    process.nextTick(() =>
      options.all === true ? callback(null, found) : callback(null, found[0]!.address),
    );
  };
  Object.assign(dns, { lookup });
  const prototype = net.Socket.prototype as { connect: (...args: unknown[]) => net.Socket };
  const { connect } = prototype;
  prototype.connect = function noted(this: net.Socket, ...args: unknown[]) {
    const [first, listener] = Array.isArray(args[0]) ? (args[0] as unknown[]) : args;
    const { host = 'localhost', path, lookup: resolve } = first as Options;
    const refuse = (error: Error | null, found: string[] = []) => {
      dialled.push(...found);
      if (real !== undefined && found[0] === real.address) {
        connect.call(this, { host: '127.0.0.1', port: real.port }, listener);
        return;
      }
      process.nextTick(() =>
        this.destroy(error ?? Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })),
      );
    };
    if (path !== undefined) refuse(null, [path]);
    else if (net.isIP(host) !== 0) refuse(null, [host]);
    else {
      (resolve ?? lookup)(host, { all: true }, (error, found) =>
        refuse(error, typeof found === 'object' ? found.map(({ address }) => address) : []),
      );
    }
    return this;
  };
  return {
    taken: () => {
      const all = dialled;
      dialled = [];
      return all;
    },
  };
}
