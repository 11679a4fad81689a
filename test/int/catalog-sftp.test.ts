import { randomUUID } from 'node:crypto';
import dns from 'node:dns';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Outcome } from '../../src/core/outcome.ts';
import { parseEgressAllow, type EgressAllow } from '../../src/destinations/egress-address.ts';
import { loadDefinition } from '../../src/destinations/registry.ts';
import { deliveryOf, openGate } from '../support/deliveries.ts';
import { sftpSettings } from '../support/dialling-accounts.ts';
import { startRawReceiver } from '../support/receiver.ts';
import { newSshKey, sftpUser, startSftpServer } from '../support/sftp-server.ts';

// SFTP is spoken by its client in a child, over connections that its parent makes.
const loopback = parseEgressAllow(['127.0.0.0/8']);
const actionId = randomUUID();
const mapping = {
  columns: { message_id: { '@path': '$.messageId' }, event_name: { '@path': '$.event' } },
  sftp_folder_path: '/in',
  filename_prefix: 'events',
  batch_size: 1_000,
  delimiter: ',',
  file_extension: 'csv',
  batch_size_column_name: '',
  audience_action_column_name: '',
  enable_batching: true,
};
const eventOf = (id: string) =>
  JSON.stringify({ type: 'track', event: 'Paid, "at" last', userId: 'u1', messageId: id });

interface Sent {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly mapping?: Readonly<Record<string, unknown>>;
  readonly ids?: readonly string[];
  readonly replay?: boolean;
  readonly egress?: EgressAllow;
}

async function send(port: number, sent: Sent = {}): Promise<Outcome[]> {
  const definition = (await loadDefinition('actions-sftp'))!;
  const sender = definition.open(sftpSettings(port, sent.settings), {
    egress: sent.egress ?? loopback,
    destinationId: randomUUID(),
    replay: sent.replay ?? false,
    actions: [{ actionId, action: 'syncEvents', mapping: { ...mapping, ...sent.mapping } }],
  });
  try {
    const { ids = ['m1'] } = sent;
    return await sender.send(
      ids.map((id) => deliveryOf(eventOf(id), { actionId })),
      openGate,
    );
  } finally {
    await sender.close();
  }
}

const linesOf = (ids: readonly string[]) =>
  ['message_id,event_name', ...ids.map((id) => `"${id}","Paid, ""at"" last"`)].join('\n');

describe.each(['standard', 'concurrent'])('the strategy %s', (uploadStrategy) => {
  it.each([true, false])('writes a batch into a file; by a replay: %s', async (replay) => {
    const server = await startSftpServer();
    const ids = ['m1', 'm2', 'm3'];
    const outcomes = await send(server.port, { settings: { uploadStrategy }, ids, replay });
    expect(outcomes).toEqual(ids.map(() => ({ kind: 'delivered' })));
    expect([...server.files.values()]).toEqual([linesOf(ids)]);
    expect([...server.files.keys()][0]).toMatch(/^\/in\/events\S*__\d{4}-\d\d-\d\dT\S+Z\.csv$/);
  });

  const cuts = (['authentication', 'open', 'write', 'close'] as const).flatMap((cutAt) =>
    (['reset', 'end', 'noise'] as const).map((cutBy) => [cutAt, cutBy] as const),
  );
  it.each(cuts)(
    'is tried again when the connection is cut at %s by %s, and the next file arrives',
    async (cutAt, cutBy) => {
      const server = await startSftpServer({ cutAt, cutBy, cuts: 1 });
      expect(await send(server.port, { settings: { uploadStrategy } })).toMatchObject([{ kind: 'failed' }]);
      expect(server.files.size).toBe(0);
      expect(await send(server.port, { settings: { uploadStrategy } })).toEqual([{ kind: 'delivered' }]);
      expect([...server.files.values()]).toEqual([linesOf(['m1'])]);
    },
  );

  it.each(['reset', 'end', 'noise'] as const)(
    'is no refusal when the connection is cut by %s after the file was closed',
    async (cutBy) => {
      const server = await startSftpServer({ cutAt: 'closed', cutBy });
      for (let times = 0; times < 5; times++) {
        const [outcome] = await send(server.port, { settings: { uploadStrategy } });
        expect(['delivered', 'failed']).toContain(outcome!.kind);
      }
      expect(server.files.size).toBe(5);
    },
  );

  it.each(['reset', 'end', 'noise'] as const)(
    'is delivered when the connection is cut by %s as the client takes its leave',
    async (cutBy) => {
      const server = await startSftpServer({ cutAt: 'goodbye', cutBy });
      expect(await send(server.port, { settings: { uploadStrategy } })).toEqual([{ kind: 'delivered' }]);
      expect(server.files.size).toBe(1);
    },
  );

  // A full disk and a quota are told so, by the code of a failure that has no name.
  it.each(['open', 'write', 'close'] as const)(
    'is tried again when the server fails to %s the file, and says why',
    async (at) => {
      const server = await startSftpServer({ fails: { at, code: 4, message: 'no space left' } });
      const [outcome] = await send(server.port, { settings: { uploadStrategy } });
      expect(outcome).toMatchObject({
        kind: 'failed',
        failure: { message: expect.stringContaining('no space left') },
      });
      expect(server.files.size).toBe(0);
    },
  );

  it('fails for good where there is no such folder', async () => {
    const server = await startSftpServer();
    const sent = { settings: { uploadStrategy }, mapping: { sftp_folder_path: '/none' } };
    const [outcome] = await send(server.port, sent);
    expect(['invalid', 'refused']).toContain(outcome!.kind);
    expect(server.files.size).toBe(0);
  });

  it('fails for good where it may not write', async () => {
    const server = await startSftpServer({ mayWrite: false });
    const [outcome] = await send(server.port, { settings: { uploadStrategy } });
    expect(outcome).toMatchObject({ kind: 'refused', failure: { status: 403 } });
  });
});

it('files that are written at the same moment do not take each other’s name', async () => {
  const server = await startSftpServer();
  const ids = Array.from({ length: 12 }, (_, index) => `m${index}`);
  await Promise.all(ids.map((id) => send(server.port, { ids: [id] })));
  expect([...server.files.values()].toSorted()).toEqual(ids.map((id) => linesOf([id])).toSorted());
  const distinct = new Set(
    [...server.files.keys()].map((name) => /^\/in\/(events_[0-9a-f]+)__/.exec(name)?.[1]),
  );
  expect(distinct.size).toBe(ids.length);
});

describe('who it comes as', () => {
  const key = newSshKey();
  it('is shown by a key', async () => {
    const server = await startSftpServer({}, key.public);
    const settings = { auth_type: 'ssh_key', sftp_password: undefined, sftp_ssh_key: key.private };
    expect(await send(server.port, { settings })).toEqual([{ kind: 'delivered' }]);
  });

  it.each([
    ['a wrong password', { sftp_password: 'a-wrong-password' }],
    ['a key of somebody else', { auth_type: 'ssh_key', sftp_ssh_key: newSshKey().private }],
    ['no key at all', { auth_type: 'ssh_key', sftp_ssh_key: 'a-thing-that-is-no-key' }],
  ])('%s holds all up, is told, and kept secret', async (_, settings) => {
    const server = await startSftpServer({}, key.public);
    const [outcome] = await send(server.port, { settings });
    expect(outcome).toMatchObject({ kind: 'down', failure: { status: 401 } });
    const definition = (await loadDefinition('actions-sftp'))!;
    const test = await definition.test(sftpSettings(server.port, settings), { egress: loopback });
    expect(test).toMatchObject({ ok: false });
    for (const value of [...Object.values(settings), sftpUser.password, sftpUser.name].slice(-3)) {
      if (value !== 'ssh_key') expect(JSON.stringify([outcome, test])).not.toContain(value.slice(0, 60));
    }
    expect(server.files.size).toBe(0);
  });
});

describe('a server that', () => {
  it('is not there is down', async () => {
    const server = net.createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    await once(server.close(), 'close');
    const [outcome] = await send(port);
    expect(outcome).toMatchObject({ kind: 'down', failure: { errorClass: 'connection_refused' } });
  });

  it.each([
    ['says something else', (socket: net.Socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['resets at once', (socket: net.Socket) => void socket.resetAndDestroy()],
  ])('%s is tried again', { timeout: 60_000 }, async (_, answer) => {
    const [outcome] = await send((await startRawReceiver(() => undefined, answer)).port);
    expect(['failed', 'down']).toContain(outcome!.kind);
  });

  it('never says who it is is given up in its time', { timeout: 100_000 }, async () => {
    const server = await startRawReceiver(() => undefined);
    const began = performance.now();
    const [outcome] = await send(server.port);
    expect(['failed', 'down']).toContain(outcome!.kind);
    expect(performance.now() - began).toBeLessThan(90_000);
  });
});

describe('an address that is not public', () => {
  const hosts = ['127.0.0.1', 'localhost', '::1', '2130706433', '169.254.169.254', '::ffff:127.0.0.1'];
  it.each(hosts)('%s is never dialled', async (sftp_host) => {
    const server = await startSftpServer();
    const definition = (await loadDefinition('actions-sftp'))!;
    const settings = sftpSettings(server.port, { sftp_host });
    const [outcome] = await send(server.port, { settings: { sftp_host }, egress: [] });
    expect(outcome).toMatchObject({ kind: 'down', failure: { errorClass: 'egress_refused' } });
    expect(await definition.test(settings, { egress: [] })).toMatchObject({ ok: false });
    expect(server.connections).toBe(0);
  });

  it('is not dialled when a name is rebound to it', async () => {
    const server = await startSftpServer();
    const lookup = vi.spyOn(dns, 'lookup').mockImplementation(((
      _: string,
      options: dns.LookupOptions,
      done: (...found: unknown[]) => void,
    ) => {
      if (options.all === true) done(null, [{ address: '127.0.0.1', family: 4 }]);
      else done(null, '127.0.0.1', 4);
    }) as never);
    onTestFinished(() => lookup.mockRestore());
    const [outcome] = await send(server.port, {
      settings: { sftp_host: 'files.example.com', sftp_port: 22 },
      egress: [],
    });
    expect(outcome).toMatchObject({ kind: 'down', failure: { errorClass: 'egress_refused' } });
    expect(lookup).toHaveBeenCalled();
    expect(server.connections).toBe(0);
  });
});

it('a test of the credentials lists the folder', async () => {
  const server = await startSftpServer();
  const definition = (await loadDefinition('actions-sftp'))!;
  expect(await definition.test(sftpSettings(server.port), { egress: loopback })).toMatchObject({ ok: true });
});

it('a preview names the connection and opens none', async () => {
  const server = await startSftpServer();
  const definition = (await loadDefinition('actions-sftp'))!;
  const context = {
    egress: loopback,
    destinationId: randomUUID(),
    replay: false,
    actions: [{ actionId, action: 'syncEvents', mapping }],
  };
  const [preview] = await definition.preview(sftpSettings(server.port), context, [
    deliveryOf(eventOf('m1'), { actionId }),
  ]);
  expect(preview).toMatchObject({ requests: [], connections: [`127.0.0.1:${server.port}`], complete: false });
  expect(JSON.stringify(preview)).not.toContain(sftpUser.password);
  expect(server.connections).toBe(0);
});
