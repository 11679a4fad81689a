import { fileURLToPath } from 'node:url';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { pythonPackage, type Missing } from './installed.ts';
import type { SecureFront } from './secure-front.ts';

const run = promisify(execFile);
const program = fileURLToPath(new URL('python/track.py', import.meta.url));

/** Customer.io's client of the Track API for Python, which speaks https only. */
export const trackPython = {
  name: 'customerio (Python)',
  version: '3.2.0',
  /** Fetches it. @returns its folder */
  ready: (): Promise<string | Missing> => pythonPackage('customerio', '3.2.0'),
  /** Makes every call, or only those named. Rejects when one of them is refused, with its words. */
  call: (packages: string, front: SecureFront, writeKey: string, ...calls: readonly string[]) =>
    run('python3', [program, packages, front.host, writeKey, ...calls], {
      env: { ...process.env, REQUESTS_CA_BUNDLE: front.trust },
      timeout: 60_000,
    }),
};
