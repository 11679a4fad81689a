import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { obtainTemporalCli } from '../../src/dev/temporal-cli/obtain.ts';
import { startTemporal } from '../../src/dev/temporal.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

/** The real server, but for its first start: there it says something and ends. */
async function startAfter(name: string, said: string) {
  const real = await obtainTemporalCli({ named: readConfig().TEMPORAL_CLI, say: () => undefined });
  const command = join(folder, name);
  const first = `${command}.first`;
  const script = `#!/bin/sh
if [ "$1" = server ] && [ ! -e '${first}' ]; then touch '${first}'; echo '${said}'; exit 1; fi
exec '${real.command}' "$@"
`;
  writeFileSync(command, script, { mode: 0o755 });
  const started = startTemporal({ dataDir: join(folder, `${name}-data`), cli: { ...real, command } });
  return { started, wasStarted: () => existsSync(first) };
}

test('a port that somebody had for a moment only costs another try', async () => {
  const { started, wasStarted } = await startAfter(
    'taken',
    'listen tcp 127.0.0.1:1: bind: address already in use',
  );
  const server = await started;
  onTestFinished(() => server.stop());
  expect(wasStarted()).toBe(true);
});

test('anything else is said at once', async () => {
  const { started } = await startAfter('broken', 'the store is of another version');
  await expect(started).rejects.toThrow('Temporal did not start:\nthe store is of another version');
});
