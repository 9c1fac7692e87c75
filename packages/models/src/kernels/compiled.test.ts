import { ksvdLoss, withLosses } from '@primal-attention/attention';
import {
  checkpoint,
  costOf,
  jit,
  randomKey,
  type TileProgram,
  withMatmulPrecision,
  withRandomKey,
  withTileKernels,
} from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lraClassifier } from '../lra.js';
import { namedWeights } from '../named-weights.js';

const calls: string[] = [];
const abilities = {
  tileRefusal: () => undefined,
  measureTile: () => 1,
  recall: () => undefined,
  remember: () => {},
};

/** Results of the right shapes, which depend on all operands: a device for compiled programs, where no interpreter can run. */
const made = (program: TileProgram, operands: readonly tf.Tensor[]): tf.Tensor[] => {
  const sum = tf.addN(operands.map((tensor) => tf.mean(tf.cast(tf.mod(tensor, 7), 'float32'))));
  return program.results.map(({ shape }, i) => tf.mul(tf.fill([...shape], 0.1 * (i + 1)), tf.tanh(sum)));
};

describe.runIf(tf.getBackend() === 'xla')('compiled programs with kernels', () => {
  beforeEach(() => {
    calls.length = 0;
    tf.registerKernel({
      kernelName: 'TileCall',
      backendName: 'xla',
      kernelFunc: ({ inputs, attrs }) => {
        const { program } = attrs as unknown as { program: TileProgram };
        calls.push(program.name);
        return made(program, Object.values(inputs) as tf.Tensor[]);
      },
    });
    Object.assign(tf.backend(), abilities);
  });
  afterEach(() => {
    tf.unregisterKernel('TileCall', 'xla');
    for (const name of Object.keys(abilities))
      delete (tf.backend() as unknown as Record<string, unknown>)[name];
    tf.disposeVariables();
  });

  const forward = ['embedding', 'primal', 'feed_forward', 'norm_sums'];
  const backward = [
    'norm_sums_gradient',
    'feed_forward_gradient',
    'sum_rows',
    'primal_weight_gradient',
    'sum_rows',
    'primal_gradient',
    'sum_rows',
    'embedding_gradient',
  ];
  const build = () =>
    lraClassifier({
      vocabulary: 9,
      maxLength: 6,
      classes: 3,
      attention: ['primal'],
      rank: 3,
      rankMultiplier: 1,
      modelSize: 32,
      feedForward: 16,
      kernels: true,
    });
  const ids = tf.tensor2d([1, 2, 3, 4, 5, 0, 6, 7, 8, 0, 0, 0], [2, 6], 'int32');
  const lossOf = (model: tf.LayersModel, ids: tf.Tensor): tf.Scalar => {
    const { output, losses } = withLosses(() => model.apply(ids, { training: true }) as tf.Tensor);
    const loss = tf.mean(tf.square(tf.logSoftmax(output)));
    return tf.add(loss, ksvdLoss(losses, { reduction: 'batch' })) as tf.Scalar;
  };
  const keyed = <R>(fn: () => R): R => withMatmulPrecision('tf32', () => withRandomKey(randomKey(1), fn));

  it('call each kernel once, and update weights in place', () => {
    const model = build();
    const optimizer = tf.train.sgd(0.1);
    const step = jit((ids: tf.Tensor) =>
      keyed(() => optimizer.minimize(() => lossOf(model, ids), true, Object.values(namedWeights(model)))!),
    );
    step(ids);
    expect(calls).toEqual([...forward, ...backward]);
    // With the loss of the step before.
    expect(costOf(step, ids).memory.alias).toBe(4 * model.countParams() + 4);
    withTileKernels('off', () => step(ids));
    expect(calls.length).toBe(forward.length + backward.length);
    expect(step(ids).dataSync()[0]).not.toBe(step(ids).dataSync()[0]);
  });

  it('give in a checkpoint the same gradients, with the forward kernels called again', () => {
    const model = build();
    const weights = Object.values(namedWeights(model));
    const gradients = (wrap: (fn: () => tf.Scalar) => () => tf.Scalar): number[][] => {
      const loss = wrap(() => lossOf(model, ids));
      const step = jit(() => keyed(() => tf.variableGrads(loss, weights)));
      const { grads } = step();
      return weights.map(({ name }) => [...grads[name].dataSync()]);
    };
    const expected = gradients((fn) => fn);
    calls.length = 0;
    const given = gradients((fn) => checkpoint(fn));
    expect(calls).toEqual([...forward, ...forward, ...backward]);
    for (const [i, gradient] of given.entries()) {
      for (const [k, value] of gradient.entries()) expect(value).toBeCloseTo(expected[i][k], 5);
    }
  });
});
