import { defineConfig } from 'vitest/config';

const areas = ['core', 'actors', 'api', 'infra', 'local-mesos', 'backup', 'contract', 'sim'] as const;

const isLong = process.env['ULTRAMARATHON_TEST_LONG'] === '1';

/** For what hangs. No test says how quick anything is: on a busy machine everything takes many times as long, and so do the full sizes. */
const limits = { testTimeout: isLong ? 3_600_000 : 300_000, hookTimeout: 240_000 };

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'tidy', include: ['test/*.test.ts'], ...limits } },
      ...areas.map((name) => ({
        test: { name, include: [`test/${name}/**/*.test.ts`], ...limits },
      })),
      // Real processes: after everything else, so that what is busy there does not look slow here.
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/*.test.ts'],
          ...limits,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'ha',
          include: ['test/e2e/ha/*.test.ts'],
          ...limits,
          // They wait for time-outs more than they compute.
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
