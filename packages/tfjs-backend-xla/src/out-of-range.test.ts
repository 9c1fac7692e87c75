import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { xla } from './testing/compare.js';

const ints = (values: number[], shape: number[] = [values.length]) => tf.tensor(values, shape, 'int32');
const values = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];

/** The indices are known on the host; a computed copy of them is not. */
const computed = (indices: tf.Tensor): tf.Tensor => indices.add(tf.scalar(0, 'int32'));

describe('an index that is out of range', () => {
  it('is an error that names it and the range, where its value is known', () => {
    const table = tf.tensor1d([10, 20, 30]);
    expect(() => tf.gather(table, ints([7]))).toThrow(/GatherV2.* 7 .*\[0, 2\]/);
    expect(() => tf.gather(table, ints([-1]))).toThrow(/GatherV2.* -1 .*\[0, 2\]/);
    expect(() => tf.gatherND(tf.zeros([5, 2]), ints([1, 9], [2, 1]))).toThrow(/GatherNd.* 9 .*\[0, 4\]/);
    expect(() => tf.scatterND(ints([9], [1, 1]), tf.tensor1d([1]), [5])).toThrow(/ScatterNd.* 9 .*\[0, 4\]/);
    expect(() => tf.tensorScatterUpdate(tf.zeros([5]), ints([9], [1, 1]), tf.tensor1d([1]))).toThrow(
      /TensorScatterUpdate.* 9 .*\[0, 4\]/,
    );
    expect(() => tf.sparseToDense(ints([9]), tf.tensor1d([1]), [5])).toThrow(/SparseToDense.* 9 .*\[0, 4\]/);
    expect(() => tf.bincount(ints([-2]) as tf.Tensor1D, [], 4)).toThrow(/Bincount.*-2/);
  });

  const gatherRows = (indices: tf.Tensor) => tf.gather(tf.tensor1d([10, 20, 30]), indices.as1D());
  const gatherElements = (indices: tf.Tensor) => tf.gatherND(tf.tensor1d([10, 20, 30]), indices);
  const scattered = (indices: tf.Tensor) => tf.scatterND(indices, tf.tensor1d([1, 2, 3]), [3]);
  const updated = (indices: tf.Tensor) =>
    tf.tensorScatterUpdate(tf.tensor1d([7, 7, 7]), indices, tf.tensor1d([1, 2, 3]));

  it.each([
    ['gather reads 0', gatherRows, [0, 20, 0]],
    ['gatherND reads 0', gatherElements, [0, 20, 0]],
    ['scatterND adds nothing', scattered, [0, 2, 0]],
    ['tensorScatterUpdate writes nothing', updated, [7, 2, 7]],
  ])('%s otherwise, eagerly and in jit', (_, fn, expected) => {
    const indices = () => ints([9, 1, -1], [3, 1]);
    expect(values(fn(computed(indices())))).toEqual(expected);
    expect(values(xla().jit(fn)(indices()))).toEqual(expected);
    expect(values(xla().jit((i: tf.Tensor) => fn(computed(i)))(indices()))).toEqual(expected);
  });

  it('counts for nothing in bincount', () => {
    const count = (x: tf.Tensor) => tf.bincount(x as tf.Tensor1D, [], 3);
    expect(values(xla().jit(count)(ints([9, 1, -1])))).toEqual([0, 1, 0]);
  });

  it('neither moves an embedding nor is moved by its gradient', () => {
    const layer = tf.layers.embedding({ inputDim: 5, outputDim: 2, embeddingsInitializer: 'ones' });
    expect(() => layer.apply(ints([7, 1], [1, 2]))).toThrow(/ 7 .*\[0, 4\]/);
    // Token ids are floats, too, when nobody says otherwise.
    expect(() => layer.apply(tf.tensor2d([[7, 1]]))).toThrow(/ 7 .*\[0, 4\]/);
    const weights = layer.trainableWeights[0].read() as tf.Variable;
    const lookUp = (ids: tf.Tensor) => layer.apply(ids) as tf.Tensor;
    expect(values(xla().jit(lookUp)(ints([7, 1], [1, 2])))).toEqual([0, 0, 1, 1]);
    const slopes = xla().jit((ids: tf.Tensor) => {
      const { grads } = tf.variableGrads(() => lookUp(ids).sum() as tf.Scalar, [weights]);
      return grads[weights.name];
    });
    expect(values(slopes(ints([7, 1], [1, 2])))).toEqual([0, 0, 1, 1, 0, 0, 0, 0, 0, 0]);
    layer.dispose();
  });
});
