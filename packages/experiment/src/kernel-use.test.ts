import type { XlaBackend } from '@primal-attention/tfjs-backend-xla';
import { expect, test } from 'vitest';
import { watchKernels } from './kernel-use.js';

const call = 'stablehlo.custom_call @__gpu$xla.gpu.triton(%a0) {}\n';

/** As much of a backend as is watched. */
function backend(): XlaBackend {
  const executables = {
    compile: (module: string) => module,
    compileAsync: async (module: string) => module,
  };
  const measureTile = (program: { name: string }): number => {
    if (program.name === 'broken') throw new Error('does not compile');
    return 0.5;
  };
  return { executables, measureTile } as unknown as XlaBackend;
}

test('counts the kernels of the longest program, and goes on compiling', async () => {
  const xla = backend();
  const use = watchKernels(xla);
  expect(use.calls).toBe(0);
  expect(xla.executables.compile(call)).toBe(call);
  expect(use.calls).toBe(1);
  const step = `${call}${call}${'stablehlo.add\n'.repeat(10)}`;
  expect(await xla.executables.compileAsync(step)).toBe(step);
  expect(use.calls).toBe(2);
  // A short one after it, such as the test kernel, is not the step.
  xla.executables.compile(call.repeat(3));
  expect(use.calls).toBe(2);
  xla.executables.compile('stablehlo.add\n'.repeat(100));
  expect(use.calls).toBe(0);
});

test('counts launches that were timed, also those that do not compile', () => {
  const xla = backend();
  const use = watchKernels(xla);
  expect(xla.measureTile({ name: 'sum' } as never)).toBe(0.5);
  expect(() => xla.measureTile({ name: 'broken' } as never)).toThrow('does not compile');
  expect(use.launchesTimed).toBe(2);
  expect(use.tuningMs).toBeGreaterThanOrEqual(0);
});
