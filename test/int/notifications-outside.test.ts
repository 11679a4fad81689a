import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openNotificationSender } from '../../src/destinations/notification-sender.ts';
import { newWebhookSecret } from '../../src/destinations/webhook-signature.ts';
import { environmentWith } from '../../src/config.ts';
import { freePort } from '../../src/dev/ports.ts';
import { adminToken, testApi } from '../support/api.ts';
import { commandLine } from '../support/command-line.ts';
import { testDatabase } from '../support/database.ts';
import { snippetsOf } from '../support/document.ts';
import { testFolder } from '../support/folder.ts';
import { toldBy } from '../support/notifications.ts';
import { startReceiver } from '../support/receiver.ts';

const db = await testDatabase();
const api = await testApi(db);
const folder = testFolder();

test('the receiver of the guide takes what is signed, once, and nothing else', async () => {
  const [code] = snippetsOf('docs/notifications.md', 'js');
  const file = join(folder, 'receiver.mjs');
  writeFileSync(file, code!);
  const secret = newWebhookSecret();
  const port = await freePort(0);
  const env = environmentWith({ WEBHOOK_SECRET: secret, PORT: String(port) });
  const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const send = async (signedWith: string, id: string, body: string) => {
    const url = `http://127.0.0.1:${port}/`;
    const sender = openNotificationSender({ url, secret: signedWith }, api.deps.egress, 10_000);
    const outcome = await sender.send({ id, attempt: 1, body }, { mayWrite: () => true });
    await sender.close();
    return 'failure' in outcome ? outcome.failure.errorClass : outcome.kind;
  };
  const body = JSON.stringify({ type: 'replay.failed', timestamp: new Date().toISOString(), data: {} });
  await expect.poll(() => send(newWebhookSecret(), 'one', body)).toBe('http_401');
  expect(await send(secret, 'one', body)).toBe('delivered');
  expect(await send(`${newWebhookSecret()} ${secret}`, 'one', body)).toBe('delivered'); // during a rotation
  expect(await send(secret, 'two', body)).toBe('delivered');
  await expect.poll(() => printed).toBe('replay.failed\nreplay.failed\n');
});

test('the command line makes one, tests, shows and deletes it, and shows its secret once', async () => {
  const receiver = await startReceiver();
  const cli = commandLine(api.url, adminToken, folder);
  const run = (...args: string[]) => cli.run(['notification', ...args]);
  const made = await run('create', receiver.url, '--name', 'On call', '--events', 'replay.failed', '--quiet');
  expect(made).toMatchObject({ code: 0, stderr: '' });
  expect(made.stdout).toMatch(/^whsec_\S+\n$/);
  expect(await run('test', 'on-call')).toMatchObject({ code: 0, stdout: expect.stringContaining('took') });
  toldBy(receiver.requests[0]!, made.stdout.trim());
  const listed = await run('list', '--json');
  expect(JSON.parse(listed.stdout)).toMatchObject([
    { name: 'On call', events: ['replay.failed'], pending: 0 },
  ]);
  expect(listed.stdout).not.toContain('whsec_');
  expect(await run('delete', 'on-call', '--yes')).toMatchObject({ code: 0 });
  expect((await api.call('GET', '/api/notifications')).body.data).toEqual([]);
});
