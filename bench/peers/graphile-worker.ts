import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import { runPeer, type EventJob } from './peer.ts';

// graphile-worker with the settings that its documentation has for most jobs per second (docs/performance).
const logger = new Logger(() => () => undefined);

await runPeer('graphile_worker', async ({ databaseUrl, connections, post }) => {
  const connectionString = databaseUrl;
  const utils = await makeWorkerUtils({ connectionString, logger });
  return {
    enqueue: async (jobs) => {
      await utils.addJobs(jobs.map((payload) => ({ identifier: 'deliver', payload })));
    },
    work: async () => {
      const worker = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };
      const runner = await run({
        connectionString,
        logger,
        concurrency: Math.max(24, connections),
        maxPoolSize: 25,
        noHandleSignals: true,
        taskList: { deliver: (payload) => post(payload as EventJob) },
        preset: { worker },
      });
      return () => runner.stop();
    },
    close: async () => utils.release(),
  };
});
