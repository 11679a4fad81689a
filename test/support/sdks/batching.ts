import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { goPrograms, isMissing, pythonPackage, runGo, type Missing } from './installed.ts';

const run = promisify(execFile);
const python = (name: string) => fileURLToPath(new URL(`python/${name}.py`, import.meta.url));

/** An SDK of another language than ours that speaks Segment's HTTP API. */
export interface BatchingSdk {
  readonly name: string;
  readonly version: string;
  /** The library that it says it is. */
  readonly library: { readonly name: string; readonly version: string };
  /** Fetches it. @param folder an empty one for what must be built */
  ready(folder: string): Promise<ReadySdk | Missing>;
}

/** One that is on this machine. */
export interface ReadySdk {
  /** Runs the lines of the document. */
  example(lines: string): Promise<unknown>;
  /** The command of a client of the compatibility runner. */
  readonly client: string;
  /** Sends every call with values of its language's kinds, and 250 tracks. Rejects when the SDK says that one failed. */
  values(address: string, writeKey: string): Promise<unknown>;
}

/** Runs lines of Python with a package. */
export function runPython(folder: string, lines: string, environment: Record<string, string> = {}) {
  const env = { ...process.env, ...environment, PYTHONPATH: folder };
  return run('python3', ['-c', lines], { env, timeout: 60_000 });
}

function pythonSdk(package_: string, version: string, module: string): BatchingSdk {
  return {
    name: `${package_} (Python)`,
    version,
    library: { name: 'analytics-python', version },
    ready: async () => {
      const folder = await pythonPackage(package_, version);
      if (isMissing(folder)) return folder;
      return {
        example: (lines) => runPython(folder, lines),
        client: `python3 ${python('client')} ${folder} ${module}`,
        values: (...told) => run('python3', [python('values'), folder, module, ...told], { timeout: 60_000 }),
      };
    },
  };
}

export const segmentPython = pythonSdk('segment-analytics-python', '2.4.0', 'segment.analytics');
export const customerIoPython = pythonSdk('customerio-cdp-analytics', '1.1.0', 'customerio.analytics');
export const segmentGo: BatchingSdk = {
  name: 'analytics-go/v3 (Go)',
  version: '3.3.0', // as go/go.mod has it
  library: { name: 'analytics-go', version: '3.0.0' }, // what 3.3.0 says of itself
  ready: async (folder) => {
    const missing = await goPrograms(folder);
    if (missing !== null) return missing;
    return {
      example: (lines) => runGo(folder, lines),
      client: join(folder, 'bin', 'client'),
      values: (...told) => run(join(folder, 'bin', 'values'), told, { timeout: 60_000 }),
    };
  },
};
