import { expect, test } from 'vitest';
import type { AttentionLayer } from './layer.js';
import { CausalPrimalAttention } from './mechanisms/causal-primal/layer.js';
import { DataIndependentPrimalAttention } from './mechanisms/data-independent-primal/layer.js';
import { PrimalAttention } from './mechanisms/primal/layer.js';
import { SoftmaxAttention } from './mechanisms/softmax/layer.js';

/** Parameter counts of single layers; those of whole models are tested with the models. */

function parametersOf(layer: AttentionLayer, features: number): number {
  layer.build([null, 10, features]);
  const count = layer.countParams();
  for (const weight of layer.weights) weight.dispose();
  return count;
}

// d, H, s and n of the paper's experiments: LRA, UEA, ImageNet.
test.each([
  [64, 2, 20, 200],
  [512, 8, 30, 300],
  [384, 6, 96, 197],
])('Primal: q, k and output maps, W_c, W_e, W_r and lambda (d %i, H %i, s %i, n %i)', (d, heads, rank, n) => {
  const p = d / heads;
  const linear = d * d + d;
  const shared = 3 * linear + (2 * rank * p + p) + heads * rank;
  expect(parametersOf(new PrimalAttention({ heads, rank, landmarks: n }), d)).toBe(
    shared + 2 * heads * n * rank,
  );
  for (const Layer of [DataIndependentPrimalAttention, CausalPrimalAttention]) {
    expect(parametersOf(new Layer({ heads, rank }), d)).toBe(shared + 2 * heads * p * rank);
  }
  expect(parametersOf(new SoftmaxAttention({ heads }), d)).toBe(4 * linear);
  // Without r, W_c has half the rows; random features add a matrix that is not trained.
  const options = { heads, rank, landmarks: n, scores: 'e', featureMap: 'positive-random' } as const;
  const expected = shared + 2 * heads * n * rank - rank * p + p * p;
  expect(parametersOf(new PrimalAttention(options), d)).toBe(expected);
});

test("the Decision Transformer's layer has 238,656 parameters", () => {
  expect(parametersOf(new CausalPrimalAttention({ heads: 4, rank: 64 }), 256)).toBe(238_656);
});

test('in the last block of DeiT-Small it adds 92,032 parameters to those of softmax attention', () => {
  const primal = new PrimalAttention({ heads: 6, rank: 96, rankMultiplier: 10, maxLength: 197 });
  const softmax = new SoftmaxAttention({ heads: 6 });
  expect(primal.landmarks).toBe(197);
  expect(parametersOf(primal, 384) - parametersOf(softmax, 384)).toBe(92_032);
});
