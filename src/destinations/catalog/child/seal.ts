import dgram from 'node:dgram';
import dns from 'node:dns';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import os from 'node:os';

/** The modules of the catalog are CommonJS and are found from here. */
export const require = createRequire(import.meta.url);

/**
 * Closes the network to all code of this process, before any of the catalog's is loaded. A definition reaches the world
 * through its parent alone, which guards, bounds and counts what leaves. Node's own fetch is taken away with it, and so
 * are look-ups, which would tell a name server what is asked for.
 */
export function closeNetwork(): void {
  const refuse = function refuse(this: net.Socket): net.Socket {
    const error = Object.assign(new Error('This process has no network.'), { code: 'EGRESS_REFUSED' });
    process.nextTick(() => this.destroy(error));
    return this;
  };
  const prototype = net.Socket.prototype as { connect: unknown };
  prototype.connect = refuse;
  const closed = () => {
    throw Object.assign(new Error('This process has no network.'), { code: 'EGRESS_REFUSED' });
  };
  Object.assign(dgram, { createSocket: closed });
  for (const lookups of [dns, dns.promises])
    for (const name of Object.keys(lookups))
      if (/^(lookup|resolve|reverse|Resolver)/.test(name)) Object.assign(lookups, { [name]: closed });
  Reflect.deleteProperty(globalThis, 'fetch');
  Reflect.deleteProperty(globalThis, 'WebSocket');
  syncBuiltinESMExports();
}

/**
 * Takes away from all code of this process what reaches another one. Its parent serves all destinations: a signal would
 * end it, and a message that it does not expect could. It is a guard against mistakes; Node's permissions, by which
 * nothing is started and no file is written, do not know of signals, nor of SQLite's files.
 * @returns how this process tells its parent something
 */
export function closeProcess(): NonNullable<typeof process.send> {
  const send = process.send!.bind(process);
  // An arrow cannot be called by `new`.
  const closed = function closed(): never {
    throw Object.assign(new Error('This process reaches no other.'), { code: 'ERR_ACCESS_DENIED' });
  };
  for (const name of ['kill', '_kill', '_debugProcess', 'abort']) Object.assign(process, { [name]: closed });
  Object.assign(os, { setPriority: closed });
  Object.assign(process.getBuiltinModule('node:sqlite') ?? {}, { DatabaseSync: closed, backup: closed });
  Reflect.deleteProperty(process, 'send');
  syncBuiltinESMExports();
  return send;
}
