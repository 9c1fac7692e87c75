import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import type { XlaBackend } from '../backend.js';

/** Values and shape of a result. */
interface Outcome {
  shape: number[];
  dtype: string;
  values: number[];
}

/** A tensor of irregular numbers between -3 and 3; equal arguments give equal numbers, on every backend. */
export function filled(shape: readonly number[], salt = 0): tf.Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  return tf.tensor(
    Array.from({ length: size }, (_, i) => Math.sin(1.7 * i + salt) * 3),
    [...shape],
  );
}

/** Runs `fn` on a backend and reads what it returns. */
export function evaluate(backend: 'xla' | 'cpu', fn: () => tf.Tensor | tf.Tensor[]): Outcome[] {
  const before = tf.getBackend();
  tf.setBackend(backend);
  try {
    return tf.tidy(() => {
      const result = fn();
      return (Array.isArray(result) ? result : [result]).map((tensor) => ({
        shape: tensor.shape,
        dtype: tensor.dtype,
        values: [...(tensor.dataSync() as Float32Array)],
      })) as never;
    });
  } finally {
    tf.setBackend(before);
  }
}

/**
 * Expects `fn` to give the same on `xla`, eagerly and compiled, as on tfjs's `cpu` backend. Integers and shapes must be
 * equal; floats may differ by `tolerance` relative to the largest value.
 */
export function expectSameAsCpu(fn: () => tf.Tensor | tf.Tensor[], tolerance = 2e-6): void {
  const expected = evaluate('cpu', fn);
  expectClose(evaluate('xla', fn), expected, tolerance);
  expectClose(
    evaluate('xla', () => xla().jit(fn)()),
    expected,
    tolerance,
  );
}

export function expectClose(actual: Outcome[], expected: Outcome[], tolerance: number): void {
  expect(actual.map(({ shape, dtype }) => `${dtype}[${shape}]`)).toEqual(
    expected.map(({ shape, dtype }) => `${dtype}[${shape}]`),
  );
  for (const [i, { values, dtype }] of expected.entries()) {
    const scale = Math.max(1, ...values.filter(Number.isFinite).map(Math.abs));
    const limit = dtype === 'float32' || dtype === 'complex64' ? tolerance * scale : 0;
    const wrong = values.findIndex((value, k) => !near(actual[i].values[k], value, limit));
    if (wrong >= 0) {
      expect.fail(
        `result ${i}, element ${wrong}: got ${actual[i].values[wrong]}, expected ${values[wrong]} (limit ${limit})`,
      );
    }
  }
}

function near(a: number, b: number, limit: number): boolean {
  return Object.is(a, b) || a === b || (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= limit;
}

export function xla(): XlaBackend {
  return tf.backend() as unknown as XlaBackend;
}
