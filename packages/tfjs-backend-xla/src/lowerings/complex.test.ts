import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { evaluate, expectSameAsCpu, filled, xla } from '../testing/compare.js';

const complex = (shape: number[], salt = 0) => tf.complex(filled(shape, salt), filled(shape, salt + 1));

describe('complex numbers', () => {
  it('are taken apart and put together', () => {
    expectSameAsCpu(() => [
      complex([2, 3]),
      tf.real(complex([2, 3])),
      tf.imag(complex([2, 3])),
      tf.abs(complex([2, 3])),
      tf.cast(filled([3]), 'complex64'),
      tf.cast(complex([3]), 'float32'),
    ]);
  });

  it('are added, multiplied and moved', () => {
    expectSameAsCpu(() => {
      // Of one shape: tfjs's cpu backend reads past the end of what it broadcasts.
      const [x, y] = [complex([3, 4]), complex([3, 4], 2)];
      return [
        tf.add(x, y),
        tf.sub(x, y),
        tf.mul(x, y),
        tf.add(x, filled([3, 4])),
        // Of a tensor of its own: tfjs's cpu backend changes the shape of the original's parts.
        complex([3, 4]).reshape([2, 6]),
        x.transpose(),
        tf.concat([x, x], 1),
        tf.zerosLike(x),
      ];
    });
  });

  it('do more than on tfjs cpu: quotients, gathers, sums, products of matrices', () => {
    const z = () => tf.complex([1, 0, 3], [2, 1, -1]);
    const values = (fn: () => tf.Tensor) => evaluate('xla', fn)[0].values;
    // (1 + i) / (1 - i) = i
    expect(values(() => tf.div(tf.complex([1], [1]), tf.complex([1], [-1])))).toEqual([0, 1]);
    expect(values(() => tf.add(z(), tf.complex(1, 10)))).toEqual([2, 12, 1, 11, 4, 9]);
    expect(values(() => tf.mul(z(), tf.scalar(2)))).toEqual([2, 4, 0, 2, 6, -2]);
    expect(values(() => z().slice(1, 2))).toEqual([0, 1, 3, -1]);
    expect(values(() => tf.gather(z(), tf.tensor1d([2, 0], 'int32')))).toEqual([3, -1, 1, 2]);
    expect(values(() => tf.sum(z()))).toEqual([4, 2]);
    expect(values(() => tf.pad(z(), [[1, 0]]))).toEqual([0, 0, 1, 2, 0, 1, 3, -1]);
    expect(values(() => tf.neg(z()))).toEqual([-1, -2, -0, -1, -3, 1]);
    // (1 + 2i)² + i² + (3 - i)² = -3 + 4i - 1 + 8 - 6i
    expect(
      values(() => tf.matMul(z().reshape([1, 3]) as tf.Tensor2D, z().reshape([3, 1]) as tf.Tensor2D)),
    ).toEqual([4, -2]);
  });

  it('have magnitudes that neither overflow nor vanish', () => {
    const { values } = evaluate('xla', () => tf.abs(tf.complex([3e30, 0, 3e-30], [4e30, -5, 4e-30])))[0];
    expect(values[0] / 5e30).toBeCloseTo(1, 6);
    expect(values[1]).toBe(5);
    expect(values[2] / 5e-30).toBeCloseTo(1, 6);
  });

  it('are refused by kernels that have no meaning for them, by name', () => {
    expect(() => tf.exp(complex([2]))).toThrow(/complex64/i);
    expect(() => xla().jit((z: tf.Tensor) => tf.exp(z))(complex([2]))).toThrow(/Exp.*complex64/);
  });

  it('go into compiled functions and come out of them', () => {
    const double = xla().jit((z: tf.Tensor) => tf.add(z, z));
    expect([...(double(tf.complex([1, 2], [3, 4])).dataSync() as Float32Array)]).toEqual([2, 6, 4, 8]);
  });

  it('are read asynchronously, cloned, and disposed without a leak', async () => {
    const before = tf.memory().numTensors;
    const z = tf.complex([1, 2], [3, 4]);
    const copy = z.clone();
    expect([...(await copy.data())]).toEqual([1, 3, 2, 4]);
    z.dispose();
    copy.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('Fourier transforms', () => {
  it('like tfjs, forth and back', () => {
    for (const length of [1, 2, 5, 8, 12]) {
      expectSameAsCpu(() => [tf.fft(complex([2, length])), tf.ifft(complex([2, length]))], 5e-6);
      expectSameAsCpu(() => tf.ifft(tf.fft(complex([3, length]))), 5e-6);
    }
    for (const length of [2, 5, 8]) {
      expectSameAsCpu(() => [tf.rfft(filled([2, length])), tf.irfft(complex([2, length]))], 5e-6);
    }
    expectSameAsCpu(() => tf.signal.stft(filled([32]) as tf.Tensor1D, 8, 4), 5e-6);
  });
});
