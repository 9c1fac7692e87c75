import * as tf from '@tensorflow/tfjs';
import { bitsAt, foldKey, unitFloat } from './hash.js';

/**
 * The abilities that this package asks of a backend, as tfjs kernels. A backend may register them natively (`xla` does,
 * with the arithmetic of `hash.ts` in the program); for every other backend the host versions below are registered.
 *
 * | kernel | inputs | attributes | output |
 * |---|---|---|---|
 * | StatelessRandomBits | key int32 [2] | shape | int32 [shape] |
 * | StatelessRandomUniform | key int32 [2] | shape | float32 [shape], in [0, 1) |
 * | UniformOfProducts | rows int32 [.., M], columns int32 [N] | | float32 [.., M, N], in [0, 1) |
 * | StatelessFoldIn | key int32 [2], data int32 [] | | int32 [2] |
 */
export const randomKernels = {
  bits: 'StatelessRandomBits',
  uniform: 'StatelessRandomUniform',
  products: 'UniformOfProducts',
  foldIn: 'StatelessFoldIn',
} as const;

const prepared = new Set<string>();

/** Registers the host versions for the current backend, once, where it has none of its own. */
export function prepareRandomKernels(): void {
  const backendName = tf.getBackend();
  if (prepared.has(backendName)) return;
  prepared.add(backendName);
  const register = (kernelName: string, kernelFunc: tf.KernelFunc): void => {
    if (tf.getKernel(kernelName, backendName) == null)
      tf.registerKernel({ kernelName, backendName, kernelFunc });
  };
  register(randomKernels.bits, ({ inputs, attrs }) => {
    const [k0, k1] = readKey(inputs.key);
    const shape = attrs!.shape as number[];
    const values = new Int32Array(tf.util.sizeFromShape(shape));
    for (let i = 0; i < values.length; i++) values[i] = bitsAt(k0, k1, i);
    return write(values, shape, 'int32');
  });
  register(randomKernels.uniform, ({ inputs, attrs }) => {
    const [k0, k1] = readKey(inputs.key);
    const shape = attrs!.shape as number[];
    const values = new Float32Array(tf.util.sizeFromShape(shape));
    for (let i = 0; i < values.length; i++) values[i] = unitFloat(bitsAt(k0, k1, i));
    return write(values, shape, 'float32');
  });
  register(randomKernels.products, ({ inputs }) => {
    const [rows, columns] = [readInts(inputs.rows), readInts(inputs.columns)];
    const values = new Float32Array(rows.length * columns.length);
    for (const [i, row] of rows.entries()) {
      for (const [j, column] of columns.entries()) {
        values[i * columns.length + j] = unitFloat(Math.imul(row, column));
      }
    }
    const { shape } = inputs.rows as tf.TensorInfo;
    return write(values, [...shape, columns.length], 'float32');
  });
  register(randomKernels.foldIn, ({ inputs }) => {
    const [k0, k1] = readKey(inputs.key);
    const data = readInts(inputs.data)[0];
    return write(Int32Array.from(foldKey(k0, k1, data)), [2], 'int32');
  });
}

function readInts(info: tf.TensorInfo | tf.TensorInfo[] | undefined): Int32Array {
  return tf.backend().readSync((info as tf.TensorInfo).dataId) as Int32Array;
}

function readKey(info: tf.TensorInfo | tf.TensorInfo[] | undefined): [number, number] {
  const words = readInts(info);
  return [words[0], words[1]];
}

function write(values: tf.TypedArray, shape: number[], dtype: 'int32' | 'float32'): tf.TensorInfo {
  return { dataId: tf.backend().write(values as tf.BackendValues, shape, dtype), shape, dtype };
}
