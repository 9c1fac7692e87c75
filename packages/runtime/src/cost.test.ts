import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, test } from 'vitest';
import { costOf, devicePeakBytes, jit, scan, useBackend, withMatmulPrecision } from './index.js';

const initial = tf.getBackend();
// Only a backend that compiles has programs to count.
const compiles = initial === 'xla';

afterEach(async () => {
  await tf.setBackend(initial);
});

describe.runIf(compiles)('costOf', () => {
  test('a matrix product: 2 m n k, and the bytes of three matrices', () => {
    const [m, k, n] = [5, 7, 3];
    const product = jit((a: tf.Tensor2D, b: tf.Tensor2D) => tf.matMul(a, b));
    const cost = costOf(product, tf.ones([m, k]) as tf.Tensor2D, tf.ones([k, n]) as tf.Tensor2D);
    const bytes = 4 * (m * k + k * n + m * n);
    expect(cost).toMatchObject({
      flops: 2 * m * n * k,
      transcendentals: 0,
      bytes,
      minimumBytes: bytes,
      kernels: 1,
    });
    const { argument, output, alias, temporary, total } = cost.memory;
    expect([argument, output, alias]).toEqual([4 * (m * k + k * n), 4 * m * n, 0]);
    expect(total).toBe(argument + output - alias + temporary);
  });

  test('a batch of products, transposed or broadcast', () => {
    const batched = jit((a: tf.Tensor, b: tf.Tensor) => tf.matMul(a, b, true, false));
    expect(costOf(batched, tf.ones([4, 7, 5]), tf.ones([4, 7, 3])).flops).toBe(4 * 2 * 5 * 7 * 3);
    expect(costOf(batched, tf.ones([4, 7, 5]), tf.ones([1, 7, 3])).flops).toBe(4 * 2 * 5 * 7 * 3);
  });

  test('elementwise work counts once per element of a float result, integer work not at all', () => {
    const flops = (
      fn: (x: tf.Tensor, y: tf.Tensor) => tf.Tensor,
      dtype: tf.DataType = 'float32',
    ): number[] => {
      const cost = costOf(jit(fn), tf.ones([6, 4], dtype), tf.ones([4], dtype));
      return [cost.flops, cost.transcendentals];
    };
    expect(flops((x, y) => tf.add(x, y))).toEqual([24, 0]);
    expect(flops((x, y) => tf.add(x, y), 'int32')).toEqual([0, 0]);
    expect(flops((x) => tf.exp(x))).toEqual([0, 24]);
    expect(flops((x) => tf.sum(x))).toEqual([23, 0]);
    expect(flops((x) => tf.sum(x, 1))).toEqual([6 * 3, 0]);
    expect(flops((x) => tf.transpose(x))).toEqual([0, 0]);
    // A sum and a division.
    expect(flops((x) => tf.mean(x, 0))).toEqual([4 * 5 + 4, 0]);
  });

  test('a convolution: 2 per weight of a filter and element of the result, and so its gradients', () => {
    const x = tf.ones([2, 8, 8, 3]) as tf.Tensor4D;
    const w = tf.ones([5, 5, 3, 4]) as tf.Tensor4D;
    const forward = jit((x: tf.Tensor4D, w: tf.Tensor4D) => tf.conv2d(x, w, 1, 'valid'));
    const flops = 2 * (2 * 4 * 4 * 4) * (5 * 5 * 3);
    expect(costOf(forward, x, w).flops).toBe(flops);
    const gradientOfFilter = jit((w: tf.Tensor4D) =>
      tf.grad((w: tf.Tensor) => tf.sum(tf.conv2d(x, w as tf.Tensor4D, 1, 'valid')))(w),
    );
    expect(costOf(gradientOfFilter, w).flops).toBeGreaterThanOrEqual(flops);
    expect(costOf(gradientOfFilter, w).flops).toBeLessThan(1.1 * flops);
  });

  test('a loop counts its body as often as it runs', () => {
    const steps = 9;
    const power = jit((w: tf.Tensor2D) =>
      scan((h: tf.Tensor2D) => [tf.matMul(h, w), null], w, null, { length: steps }),
    );
    expect(costOf(power, tf.ones([4, 4]) as tf.Tensor2D).flops).toBe(steps * 2 * 4 * 4 * 4);
  });

  test('what a result does not need is not counted', () => {
    const lazy = jit((a: tf.Tensor2D) => {
      tf.matMul(a, a);
      return tf.add(a, 1);
    });
    expect(costOf(lazy, tf.ones([8, 8]) as tf.Tensor2D).flops).toBe(64);
  });

  test('a gradient has twice the products of its function', () => {
    const loss = (a: tf.Tensor, b: tf.Tensor): tf.Scalar => tf.sum(tf.matMul(a, b)) as tf.Scalar;
    const gradient = jit((a: tf.Tensor, b: tf.Tensor) => tf.grads(loss)([a, b]));
    const { flops } = costOf(gradient, tf.ones([5, 7]), tf.ones([7, 3]));
    // The loss itself is not returned, and so not computed; ones times dy is the gradient of the sum.
    expect(flops).toBe(2 * 2 * 5 * 7 * 3 + 15);
  });

  test('updated variables share memory with their arguments', () => {
    const state = tf.variable(tf.zeros([256]));
    const update = jit((x: tf.Tensor) => {
      state.assign(tf.add(state, x) as tf.Tensor1D);
      return tf.sum(x);
    });
    const { memory } = costOf(update, tf.ones([256]));
    // Beside the variable, the small result of the call before.
    expect(memory.alias).toBe(1024 + 4);
    expect(memory.argument).toBe(2048 + 4);
    expect([...state.dataSync()].every((value) => value === 0)).toBe(true);
    state.dispose();
  });

  test('is asked in the precision of the call', () => {
    let traces = 0;
    const product = jit((a: tf.Tensor2D) => {
      traces++;
      return tf.matMul(a, a);
    });
    const a = tf.ones([4, 4]) as tf.Tensor2D;
    costOf(product, a);
    costOf(product, a);
    withMatmulPrecision('bf16', () => costOf(product, a));
    expect(traces).toBe(2);
  });
});

test('costOf says what it needs', async () => {
  expect(() => costOf(((x: tf.Tensor) => x) as never, tf.scalar(1))).toThrow(
    /costOf: the function must be one that jit/,
  );
  await useBackend('cpu');
  expect(() =>
    costOf(
      jit((x: tf.Tensor) => x),
      tf.scalar(1),
    ),
  ).toThrow(/costOf: backend 'cpu' runs kernel by kernel/);
});

test('devicePeakBytes is undefined where the device does not count', async () => {
  await useBackend('cpu');
  expect(devicePeakBytes()).toBeUndefined();
});

test.runIf(compiles)('devicePeakBytes is a number, or undefined on a CPU', () => {
  const peak = devicePeakBytes();
  if (peak !== undefined) expect(peak).toBeGreaterThan(0);
  expect(['number', 'undefined']).toContain(typeof peak);
});
