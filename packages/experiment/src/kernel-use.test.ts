import type { XlaBackend } from '@primal-attention/tfjs-backend-xla';
import { expect, test } from 'vitest';
import { watchKernels } from './kernel-use.js';

/** The text of a program, as the backend writes it. */
const program = (main: string, functions: Record<string, string> = {}): string =>
  `module @program {\n  func.func public @main(%in0: tensor<f32>) -> () {\n${main}    return\n  }\n` +
  Object.entries(functions)
    .map(([name, body]) => `  func.func private @${name}(%a0: tensor<f32>) -> () {\n${body}    return\n  }\n`)
    .join('') +
  '}\n';
const kernel =
  '    %0 = stablehlo.custom_call @__gpu$xla.gpu.triton(%a0) {ir = "tt.func public @k() { tt.call @f() }"}\n';
const call = (name: string): string => `    %v0 = func.call @${name}(%in0) : (tensor<f32>) -> ()\n`;
const others = (count: number): string => '    stablehlo.add\n'.repeat(count);

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
  const tryTile = (): void => {};
  return { executables, measureTile, tryTile } as unknown as XlaBackend;
}

test('counts the kernels of the longest program, and goes on compiling', async () => {
  const xla = backend();
  const use = watchKernels(xla);
  expect(use.calls).toBe(0);
  const one = program(kernel);
  expect(xla.executables.compile(one)).toBe(one);
  expect(use.calls).toBe(1);
  const step = program(kernel + kernel + others(100));
  expect(await xla.executables.compileAsync(step)).toBe(step);
  expect(use.calls).toBe(2);
  // A short one after it, such as the test kernel, is not the step.
  xla.executables.compile(program(kernel.repeat(3)));
  expect(use.calls).toBe(2);
  xla.executables.compile(program(others(1000)));
  expect(use.calls).toBe(0);
});

test('counts each call of a function that equal parts of a program are', () => {
  const xla = backend();
  const use = watchKernels(xla);
  const functions = {
    TileCall_0: kernel,
    // As a checkpointed block, or the body of a loop.
    Block_1: call('TileCall_0').repeat(2) + kernel,
    Add_2: others(1),
    Unused_3: kernel,
  };
  xla.executables.compile(
    program(call('TileCall_0').repeat(3) + call('Block_1').repeat(2) + call('Add_2'), functions),
  );
  expect(use.calls).toBe(3 + 2 * 3);
});

test('counts launches that were tried, also those that do not compile', () => {
  const xla = backend();
  const use = watchKernels(xla);
  expect(xla.measureTile({ name: 'sum' } as never)).toBe(0.5);
  expect(() => xla.measureTile({ name: 'broken' } as never)).toThrow('does not compile');
  expect(use.launchesTried).toBe(2);
  xla.tryTile({ name: 'sum' } as never);
  expect(use.launchesTried).toBe(3);
  expect(use.tuningMs).toBeGreaterThanOrEqual(0);
});
