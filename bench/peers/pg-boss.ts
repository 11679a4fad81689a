import { PgBoss } from 'pg-boss';
import { runPeer, type EventJob } from './peer.ts';

// pg-boss with large batches, fetched one after another while they come back full, two in hand, each job with an
// outcome of its own.
await runPeer('pgboss', async ({ databaseUrl, post }) => {
  const boss = new PgBoss({ connectionString: databaseUrl, supervise: false, schedule: false });
  boss.on('error', (error) => process.stderr.write(`${String(error)}\n`));
  await boss.start();
  await boss.createQueue('deliver');
  return {
    enqueue: async (jobs) => {
      await boss.insert(
        'deliver',
        jobs.map((data) => ({ data })),
      );
    },
    work: async () => {
      const options = {
        batchSize: 500,
        localConcurrency: 2,
        burstWhenBatchFull: true,
        perJobResults: true,
      } as const;
      await boss.work<EventJob, void, typeof options>('deliver', options, (jobs) =>
        Promise.all(
          jobs.map(async ({ id, data }) => {
            await post(data);
            return { id, status: 'completed' as const };
          }),
        ),
      );
      return () => boss.offWork('deliver');
    },
    close: () => boss.stop({ graceful: true }),
  };
});
