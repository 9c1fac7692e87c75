import type * as tf from '@tensorflow/tfjs';
import { hasKernel, runListKernel } from '../backend-kernel.js';

/** The kernel by which a backend that optimises whole programs keeps computations apart: a list in, the same list out. */
const kernel = 'OptimizationBarrier';

/**
 * The same tensors, but a backend that optimises whole programs cannot see that they are the same, and computes nothing
 * from one of the results before all inputs are there. Without it, what is computed again would be recognised as computed
 * before, and kept in memory instead. Backends without the kernel run one operation after the other and need none.
 */
export function optimizationBarrier(tensors: readonly tf.Tensor[]): readonly tf.Tensor[] {
  if (!hasKernel(kernel)) return tensors;
  const places = tensors.flatMap(({ dtype }, i) => (dtype === 'string' || dtype === 'complex64' ? [] : [i]));
  if (places.length === 0) return tensors;
  const outputs = runListKernel(
    kernel,
    places.map((i) => tensors[i]),
  );
  const results = [...tensors];
  for (const [k, i] of places.entries()) results[i] = outputs[k];
  return results;
}
