import { defineConfig } from 'vitest/config';

const areas = ['core', 'actors', 'api', 'infra', 'local-mesos', 'backup', 'contract', 'sim', 'e2e'] as const;

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'tidy', include: ['test/*.test.ts'] } },
      ...areas.map((name) => ({
        test: {
          name,
          include: [`test/${name}/**/*.test.ts`],
          testTimeout: name === 'e2e' ? 120_000 : 20_000,
          hookTimeout: 60_000,
          fileParallelism: name !== 'e2e',
        },
      })),
    ],
  },
});
