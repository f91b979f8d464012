import { defineConfig } from 'vitest/config';

const areas = ['core', 'actors', 'api', 'infra', 'local-mesos', 'backup', 'contract', 'sim'] as const;

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'tidy', include: ['test/*.test.ts'] } },
      ...areas.map((name) => ({
        test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout: 20_000, hookTimeout: 60_000 },
      })),
      // Real processes: after everything else, so that what is busy there does not look slow here.
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'ha',
          include: ['test/e2e/ha/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          // They wait for time-outs more than they compute.
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
