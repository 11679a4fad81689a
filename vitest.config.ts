import { defineConfig } from 'vitest/config';

const project = (name: string, extra: object) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout: 30_000, hookTimeout: 60_000, ...extra },
});

export default defineConfig({
  test: {
    projects: [
      project('unit', {}),
      // They mostly wait for Postgres and for time.
      project('int', { globalSetup: 'test/support/global-postgres.ts', maxWorkers: 3 }),
      project('e2e', {
        globalSetup: 'test/support/global-postgres.ts',
        testTimeout: 240_000,
        hookTimeout: 240_000,
        maxWorkers: 2,
      }),
      project('chaos', {
        globalSetup: 'test/support/chaos-seed.ts',
        testTimeout: 300_000,
        hookTimeout: 120_000,
        maxWorkers: 1,
      }),
    ],
  },
});
