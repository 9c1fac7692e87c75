import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type AutocastPrecision,
  autocast,
  currentPrecision,
  jit,
  type MatmulPrecision,
  useBackend,
  withMatmulPrecision,
} from './index.js';

const initial = tf.getBackend();

afterEach(async () => {
  await tf.setBackend(initial);
});

const a = (): tf.Tensor2D => tf.tensor2d([1 / 3, 1 / 7, 1 / 11, 1 / 13], [2, 2]);

/** The largest relative difference. */
function difference(x: tf.Tensor, y: tf.Tensor): number {
  const [p, q] = [x.dataSync(), y.dataSync()];
  return Math.max(...p.map((value, i) => Math.abs(value / q[i] - 1)));
}

describe('autocast and withMatmulPrecision', () => {
  test('round products where the backend can, and change nothing where it cannot', async () => {
    const exact = tf.matMul(a(), a());
    for (const run of [autocast, withMatmulPrecision]) {
      const coarse = run('bf16', () => tf.matMul(a(), a()));
      // Two operands and a result are rounded, by 2^-8 each at most.
      expect(difference(coarse, exact)).toBeLessThan(3.1 * 2 ** -8);
      if (initial === 'xla') expect(difference(coarse, exact)).toBeGreaterThan(1e-5);
      expect(coarse.dtype).toBe('float32');
    }
    await useBackend('cpu');
    const plain = tf.matMul(a(), a());
    for (const run of [autocast, withMatmulPrecision]) {
      expect([...run('bf16', () => tf.matMul(a(), a())).dataSync()]).toEqual([...plain.dataSync()]);
    }
  });

  test('return what the function returns, inside jit too', () => {
    const f = jit((x: tf.Tensor2D) => autocast('bf16', () => ({ product: tf.matMul(x, x), name: 'square' })));
    const { product, name } = f(a());
    expect(name).toBe('square');
    expect(difference(product, tf.matMul(a(), a()))).toBeLessThan(3.1 * 2 ** -8);
    expect(autocast('float32', () => 3)).toBe(3);
  });

  test('are what is asked for inside, where the backend can', async () => {
    const outside = currentPrecision();
    expect(outside.autocast).toBe('float32');
    const seen = withMatmulPrecision('tf32', () => [
      currentPrecision(),
      autocast('bf16', () => [currentPrecision(), autocast('float32', currentPrecision)]),
    ]);
    expect(seen.flat()).toEqual(
      ['float32', 'bf16', 'float32'].map((autocast) =>
        initial === 'xla' ? { matmul: 'tf32', autocast } : { matmul: 'float32', autocast: 'float32' },
      ),
    );
    expect(currentPrecision()).toEqual(outside);
    await useBackend('cpu');
    expect(autocast('bf16', currentPrecision)).toEqual({ matmul: 'float32', autocast: 'float32' });
  });

  test('name the valid precisions', () => {
    expect(() => autocast('f16' as AutocastPrecision, () => 0)).toThrow(
      /autocast: precision must be one of float32, bf16, got "f16"/,
    );
    expect(() => withMatmulPrecision('fp8' as MatmulPrecision, () => 0)).toThrow(
      /withMatmulPrecision: precision must be one of float32, tf32, bf16, got "fp8"/,
    );
  });
});
