// Obtains the Temporal CLI before the tests, whose servers must not wait for a download.
import { createProgress } from '../../scripts/progress.mjs';
import { readConfig } from '../config.ts';
import { obtainTemporalCli } from './temporal-cli/obtain.ts';

const config = readConfig();
if (config.TEMPORAL_ADDRESS === undefined) {
  const { say } = createProgress();
  try {
    await obtainTemporalCli({ named: config.TEMPORAL_CLI, cacheHome: config.XDG_CACHE_HOME, say });
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
