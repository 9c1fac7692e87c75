import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** One configuration for every package: `vitest run --config ../../vitest.config.ts` in the package's folder. */
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts'],
    // A PJRT plugin is native and lives once per process.
    pool: 'forks',
    maxWorkers: 1,
    setupFiles: [fileURLToPath(new URL('./vitest.setup.ts', import.meta.url))],
    // Tests count compilations, so executables of an earlier run must not be found; and nobody's own cache gets littered.
    env: { PRIMAL_CACHE: 'off' },
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
