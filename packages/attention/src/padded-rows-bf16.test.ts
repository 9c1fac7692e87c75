import { autocast, jit } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { type AttentionLayer, layerWeights } from './layer.js';
import { FlowformerAttention } from './mechanisms/flowformer/layer.js';
import { FusedSoftmaxAttention } from './mechanisms/fused-softmax/layer.js';
import { LongformerAttention } from './mechanisms/longformer/layer.js';
import { NystromformerAttention } from './mechanisms/nystromformer/layer.js';
import { PerformerAttention } from './mechanisms/performer/layer.js';
import { SoftmaxAttention } from './mechanisms/softmax/layer.js';
import { randomTensor } from './testing/random-tensor.js';

const [length, features] = [64, 16];

// A compiled program, since that is where a rounding may be left out at one place and kept at another.
test.each([
  ['softmax', new SoftmaxAttention({ name: 'a', heads: 2 })],
  ['softmax, causal', new SoftmaxAttention({ name: 'a', heads: 2, causal: true })],
  // Penalties that bf16 rounds by far more than there is between scores.
  ['softmax, additive mask', new SoftmaxAttention({ name: 'a', heads: 2, maskMode: 'additive' })],
  ["softmax, GPT-2's masks", new SoftmaxAttention({ name: 'a', heads: 2, maskMode: 'gpt2', causal: true })],
  [
    'Nystromformer, a landmark for each token',
    new NystromformerAttention({ name: 'a', heads: 2, landmarks: length }),
  ],
  [
    'Nystromformer, nearly so many',
    new NystromformerAttention({ name: 'a', heads: 2, landmarks: length - 1 }),
  ],
  ['blockwise softmax', new FusedSoftmaxAttention({ name: 'a', heads: 2, blockLength: 16 })],
  // Of the padded sample's tokens many see no real one in their window, and of the half padded one's.
  ['Longformer', new LongformerAttention({ name: 'a', heads: 2, window: 16 })],
  ['Performer', new PerformerAttention({ name: 'a', heads: 2, maskMode: 'exact' })],
  ['Flowformer', new FlowformerAttention({ name: 'a', heads: 2 })],
] as [string, AttentionLayer][])(
  '%s in bf16: rows without a real key are finite, and so are gradients',
  async (_, layer) => {
    const x = randomTensor([3, length, features], 1);
    const real = (count: number): number[] => Array.from({ length }, (_, i) => Number(i < count));
    const mask = tf.tensor2d([real(0), real(length / 4), real(length)]);
    layer.build([x.shape, mask.shape]);
    const weights = [...layerWeights(layer).values()].filter(({ trainable }) => trainable);
    const run = jit((x: tf.Tensor, mask: tf.Tensor) => {
      const forward = () => autocast('bf16', () => layer.apply([x, mask]) as tf.Tensor);
      const { grads } = tf.variableGrads(() => tf.sum(tf.square(forward())) as tf.Scalar, weights);
      return { output: forward(), grads: Object.values(grads) };
    });
    const { output, grads } = run(x, mask);
    for (const tensor of [output, ...grads]) {
      expect([...(await tensor.data())].every(Number.isFinite)).toBe(true);
    }
  },
);
