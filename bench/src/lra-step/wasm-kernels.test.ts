import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { registerWasmKernels } from './wasm-kernels.js';

/** On one backend, then on the other: the same function of the same numbers. */
async function onBoth(compute: () => tf.Tensor): Promise<[Float32Array, Float32Array]> {
  const results: Float32Array[] = [];
  for (const backend of ['cpu', 'wasm']) {
    await tf.setBackend(backend);
    const before = tf.memory().numTensors;
    const result = tf.tidy(compute);
    results.push((await result.data()) as Float32Array);
    result.dispose();
    expect(tf.memory().numTensors).toBe(before);
  }
  return results as [Float32Array, Float32Array];
}

describe('UnsortedSegmentSum on wasm', () => {
  beforeAll(registerWasmKernels);

  test('sums rows that repeat, and leaves segments without rows at 0', async () => {
    const [cpu, wasm] = await onBoth(() =>
      tf.unsortedSegmentSum(tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]), tf.tensor1d([3, 0, 3], 'int32'), 5),
    );
    expect([...cpu]).toEqual([3, 4, 0, 0, 0, 0, 6, 8, 0, 0]);
    expect(wasm).toEqual(cpu);
  });

  test('is the gradient of an embedding', async () => {
    const [cpu, wasm] = await onBoth(() => {
      const table = tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 8], [4, 2]);
      const ids = tf.tensor2d([1, 3, 3, 0, 1, 1], [2, 3], 'int32');
      const weights = tf.range(1, 13).reshape([2, 3, 2]);
      return tf.grad((rows) => tf.sum(tf.mul(tf.gather(rows, ids), weights)))(table);
    });
    expect([...cpu]).toEqual([7, 8, 21, 24, 0, 0, 8, 10]);
    expect(wasm).toEqual(cpu);
  });
});
