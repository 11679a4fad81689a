import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { adminToken, testApi } from '../support/api.ts';
import { newAuthority } from '../support/certificates.ts';
import { commandLine } from '../support/command-line.ts';
import { testDatabase } from '../support/database.ts';
import { testFolder } from '../support/folder.ts';
import { secureFront } from '../support/sdks/secure-front.ts';

const db = await testDatabase();
const api = await testApi(db);
const folder = testFolder();

interface Check {
  readonly name: string;
  readonly result: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  readonly remedy: string | null;
}

async function doctor(url: string, env: Readonly<Record<string, string>> = {}): Promise<Check[]> {
  const { stdout, stderr } = await commandLine(url, adminToken, folder).run(['doctor', '--json'], env);
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Check[];
}

const named = (checks: readonly Check[], name: string) => checks.filter((check) => check.name === name);
/** Each starts several processes side by side. */
const patience = { timeout: 120_000 };

test(
  'doctor tells how long the certificate of an https address is valid, trusted or not',
  patience,
  async () => {
    const [long, short, over] = await Promise.all([
      secureFront(api.url, 63),
      secureFront(api.url, 1),
      secureFront(api.url, -3),
    ]);
    const [good, low, expired, untrusted, plain] = await Promise.all([
      doctor(`https://${long.host}`, { NODE_EXTRA_CA_CERTS: long.trust }),
      doctor(`https://${short.host}`, { NODE_EXTRA_CA_CERTS: short.trust }),
      doctor(`https://${over.host}`, { NODE_EXTRA_CA_CERTS: over.trust }),
      doctor(`https://${short.host}`),
      doctor(api.url),
    ]);
    expect(named(good, 'Certificate')).toMatchObject([
      { result: 'ok', detail: expect.stringMatching(/^is valid for 62 days, until /), remedy: null },
    ]);
    expect(named(good, 'API')).toMatchObject([{ result: 'ok' }]);
    expect(named(low, 'Certificate')).toMatchObject([
      {
        result: 'warn',
        detail: expect.stringMatching(/^is valid for less than a day, until /),
        remedy: expect.stringMatching(/^Renew it/),
      },
    ]);
    expect(named(expired, 'Certificate')).toMatchObject([
      {
        result: 'fail',
        detail: expect.stringContaining('has expired on'),
        remedy: expect.stringMatching(/^Renew it/),
      },
    ]);
    expect(named(expired, 'API')).toMatchObject([{ result: 'fail', remedy: 'Renew its certificate.' }]);
    expect(named(untrusted, 'Certificate')).toMatchObject([{ result: 'warn' }]);
    expect(named(untrusted, 'API')).toMatchObject([
      { result: 'fail', remedy: expect.stringContaining('NODE_EXTRA_CA_CERTS') },
    ]);
    expect(named(plain, 'Certificate')).toEqual([]);
  },
);

test('of a chain the certificate that expires first is told of', patience, async () => {
  const authority = newAuthority();
  const { key, cert } = authority.issue('localhost', 0.5); // half a day longer than its authority
  const server = createServer({ key, cert: cert + authority.cert }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const checks = await doctor(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(named(checks, 'Certificate')[0]?.detail).toMatch(
      /^of the authority CN=test authority is valid for less than a day/,
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test(
  'what doctor knows of this shell is told as such; a folder that is still to be made is no fault',
  patience,
  async () => {
    const checks = await doctor(api.url, {
      REPRISE_EGRESS_ALLOW: '10.1.2.3',
      REPRISE_DATA_DIR: join(folder, 'not', 'made', 'yet'),
    });
    expect(named(checks, 'Egress')[0]?.detail).toMatch(
      /environment of this shell sends to public addresses and 10\.1\.2\.3; what runs already goes by its own/,
    );
    expect(named(checks, 'Disk')).toHaveLength(1);
    expect(named(checks, "API's schema")).toMatchObject([{ result: 'ok' }]);
  },
);

test('doctor tells of a process that does not know the key with which an API seals', patience, async () => {
  const announce = (role: string, keyIds: readonly string[]) =>
    db.run(sql`
      insert into process (id, role, host, pid, version, key_ids)
      values (gen_random_uuid(), ${role}, 'here', 1, '1.0.0', ${[...keyIds]}::text[])`);
  const alive = () => db.run(sql`update process set seen_at = now() + interval '1 minute'`);
  await Promise.all([announce('api', ['freshKey', 'oldKey']), announce('delivery', ['oldKey', 'freshKey'])]);
  await announce('orchestration', []);
  await alive();
  expect(named(await doctor(api.url), 'Secret keys of processes')).toEqual([]);
  await announce('delivery', ['oldKey']);
  await alive();
  expect(named(await doctor(api.url), 'Secret keys of processes')).toMatchObject([
    {
      result: 'fail',
      detail: expect.stringContaining('freshKey, which is not known to all: delivery with oldKey'),
    },
  ]);
});
