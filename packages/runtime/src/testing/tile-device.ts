import * as tf from '@tensorflow/tfjs';
import { type TileBackend, tileKernel } from '../tile/backend.js';
import type { TileArray, TileProgram } from '../tile/program.js';

/** What a kernel computes, from operations of tfjs. */
export type Kernels = Readonly<Record<string, (...operands: tf.Tensor[]) => tf.Tensor[]>>;

/**
 * Stands in for a device that runs kernels, by their names, on whatever backend is in use.
 *
 * @returns the names of the kernels that ran so far, and how to remove the device
 */
export function standInDevice(
  kernels: Kernels,
  abilities: TileBackend = {},
): { readonly calls: string[]; remove(): void } {
  const calls: string[] = [];
  const backendName = tf.getBackend();
  const backend = tf.backend();
  tf.registerKernel({
    kernelName: tileKernel,
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const { name } = (attrs as unknown as { program: TileProgram }).program;
      calls.push(name);
      return kernels[name](...(Object.values(inputs) as tf.Tensor[]));
    },
  });
  // The backend has abilities of its own, which say what the true device says.
  const all: Required<Pick<TileBackend, 'tileRefusal'>> & TileBackend = {
    tileRefusal: () => undefined,
    recall: () => undefined,
    remember: () => {},
    ...abilities,
  };
  Object.assign(backend, all);
  return {
    calls,
    remove() {
      tf.unregisterKernel(tileKernel, backendName);
      for (const name of Object.keys(all)) delete (backend as unknown as Record<string, unknown>)[name];
    },
  };
}

/** A program of which nobody reads the text. */
export function program(
  name: string,
  operands: readonly TileArray[],
  results: readonly TileArray[],
  rest: Partial<TileProgram> = {},
): TileProgram {
  return {
    name,
    ir: `module { ${name} }`,
    grid: [1, 1, 1],
    numWarps: 4,
    numStages: 1,
    operands,
    results,
    flops: 0,
    bytes: 0,
    ...rest,
  };
}

/** A float32 array. */
export function floats(...shape: number[]): TileArray {
  return { shape, dtype: 'float32' };
}
