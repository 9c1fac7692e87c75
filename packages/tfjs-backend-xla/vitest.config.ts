import { configDefaults, defineConfig } from 'vitest/config';
import shared from '../../vitest.config.ts';

const test = {
  ...shared.test,
  // These tests are about one engine, whatever PRIMAL_BACKEND names for the packages above.
  env: { ...shared.test?.env, PRIMAL_BACKEND: 'xla' },
};

/**
 * The searches through many programs, nearly all of whose time is the compiler's. Without LLVM's optimizations it takes
 * a fifth less of it. What is compared, the programs we write and what XLA's own passes make of them, is the same; only
 * the machine code of its kernels is not what users get. optimized.test.ts and all other tests have that.
 */
const searches = ['src/fuzz/fuzz.test.ts', 'src/fuzz/wrong-kernels.test.ts'];
const flags = [process.env.XLA_FLAGS, '--xla_backend_optimization_level=0'].filter(Boolean).join(' ');

export default defineConfig({
  test: {
    projects: [
      { test: { ...test, name: 'backend', exclude: [...configDefaults.exclude, ...searches] } },
      { test: { ...test, name: 'fuzz', include: searches, env: { ...test.env, XLA_FLAGS: flags } } },
    ],
  },
});
