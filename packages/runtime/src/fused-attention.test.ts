import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fusedAttention, hasFusedAttention } from './fused-attention.js';
import { jit } from './jit.js';
import { RandomStream } from './random/stream.js';

const stream = new RandomStream(3, 'test');
const normal = (shape: [number, number, number, number]): tf.Tensor4D =>
  tf.tensor(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => stream.normal()),
    shape,
  );

const [q, k, v] = [5, 7, 7].map((length) => normal([2, length, 3, 8]));

/** The function of the kernel, from operations of tfjs. */
function plain(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor {
  const [a, b, c] = [q, k, v].map((x) => tf.transpose(x as tf.Tensor4D, [0, 2, 1, 3]));
  const weights = tf.softmax(tf.mul(tf.matMul(a, b, false, true), 1 / Math.sqrt(8)));
  return tf.transpose(tf.matMul(weights, c) as tf.Tensor4D, [0, 2, 1, 3]);
}

type Inputs = Record<'q' | 'k' | 'v' | 'dy', tf.Tensor>;

/** Stands in for a device that has the kernels: each says which inputs and attributes it was given. */
function standIn(calls: string[]): void {
  const backendName = tf.getBackend();
  const tensors = (inputs: object): Inputs => inputs as Inputs;
  const note = (name: string, inputs: object, attrs: object): void => {
    calls.push(`${name}(${Object.keys(inputs)}) scale ${(attrs as { scale: number }).scale}`);
  };
  tf.registerKernel({
    kernelName: 'FusedAttention',
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      note('FusedAttention', inputs, attrs as object);
      const { q, k, v } = tensors(inputs);
      return [plain(q, k, v), tf.zeros([2, 3, 5], 'int32')];
    },
  });
  tf.registerKernel({
    kernelName: 'FusedAttentionGradient',
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      note('FusedAttentionGradient', inputs, attrs as object);
      const { q, k, v, dy } = tensors(inputs);
      // A factor that tells these gradients from those of the operations.
      return tf.tidy(() => [q, k, v].map((x) => tf.mul(x, tf.mean(dy))));
    },
  });
}

describe('with a device that has the kernels', () => {
  const calls: string[] = [];
  beforeEach(() => standIn(calls));
  afterEach(() => {
    calls.length = 0;
    for (const name of ['FusedAttention', 'FusedAttentionGradient'])
      tf.unregisterKernel(name, tf.getBackend());
  });

  it('the output is that of one kernel, the gradients those of the other', () => {
    expect(hasFusedAttention()).toBe(true);
    const scale = 1 / Math.sqrt(8);
    const gradients = tf.grads((q, k, v) =>
      tf.mul(tf.sum(fusedAttention(q as tf.Tensor4D, k as tf.Tensor4D, v as tf.Tensor4D)), 4),
    );
    const expected = [...plain(q, k, v).dataSync()];
    for (const wrap of [(f: typeof fusedAttention) => f, (f: typeof fusedAttention) => jit(f)]) {
      const output = wrap(fusedAttention)(q, k, v).dataSync();
      for (const [i, value] of expected.entries()) expect(output[i]).toBeCloseTo(value, 5);
    }
    calls.length = 0;
    for (const [i, gradient] of gradients([q, k, v]).entries()) {
      const values = [...gradient.dataSync()];
      for (const [j, value] of [q, k, v][i].dataSync().entries()) expect(values[j]).toBeCloseTo(4 * value, 5);
    }
    expect(calls).toEqual([
      `FusedAttention(q,k,v) scale ${scale}`,
      `FusedAttentionGradient(q,k,v,statistics,dy,output) scale ${scale}`,
    ]);
  });

  it('names what does not fit', () => {
    expect(() => fusedAttention(q, k, q)).toThrow(/k and v \[2, N, 3, 8\]/);
    const odd = tf.ones([1, 4, 2, 12]) as tf.Tensor4D;
    expect(() => fusedAttention(odd, odd, odd)).toThrow(/8, 16, .. 128 features, got 12/);
  });
});

it.runIf(!hasFusedAttention())('is an error on other devices', () => {
  expect(() => fusedAttention(q, k, v)).toThrow(/hasFusedAttention/);
});
