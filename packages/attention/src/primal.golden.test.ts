import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { ksvdLoss, withLosses } from './ksvd-loss.js';
import { landmarkPositions } from './landmarks.js';
import { PrimalAttention } from './layers/primal-attention.js';
import { ksvdObjective, projectionTrace, weightTrace } from './primal.js';
import { onScores, type PrimalScoresEvent } from './scores.js';
import {
  expectLoss,
  expectSection,
  type GoldenCase,
  goldenGradients,
  goldenTensor,
  linearMap,
  loadGolden,
  setGoldenWeights,
  type WeightMap,
} from './testing/golden.js';
import { weightsOf } from './testing/weights.js';

const shared: WeightMap = {
  ...linearMap('W_c', 'combine'),
  We: { weight: 'we' },
  Wr: { weight: 'wr' },
  Lambda: { weight: 'lambda' },
};
const names = {
  primal_lra: {
    ...shared,
    ...linearMap('W_q', 'query'),
    ...linearMap('W_k', 'key'),
    ...linearMap('ff', 'output'),
  },
  primal_uea: {
    ...shared,
    ...linearMap('query_projection', 'query'),
    ...linearMap('key_projection', 'key'),
    ...linearMap('out_projection', 'output'),
  },
};

interface Config {
  H: number;
  N: number;
  s: number;
  rank_multi: number;
  n: number;
  masked?: boolean;
  trace_no_x?: boolean;
  max_len?: number;
}

function layerOf(file: keyof typeof names, golden: GoldenCase): PrimalAttention {
  const { H, s, rank_multi, max_len, trace_no_x } = golden.config as unknown as Config;
  return new PrimalAttention({
    heads: H,
    rank: s,
    rankMultiplier: rank_multi,
    ...(file === 'primal_uea' && { maxLength: max_len }),
    trace: trace_no_x === false ? 'projections' : 'weights',
  });
}

for (const file of ['primal_lra', 'primal_uea'] as const) {
  const cases = await loadGolden(file);
  // The LRA code averages J over the batch before it squares, the UEA code after.
  const reduction = file === 'primal_lra' ? 'batch' : 'sample';

  describe(file, () => {
    test('has all its cases', () => {
      expect(cases.length).toBe(file === 'primal_lra' ? 4 : 3);
    });

    test.each(cases.map((golden) => [golden.name, golden] as const))('%s', async (_name, golden) => {
      const config = golden.config as unknown as Config;
      const x = tf.variable(goldenTensor(golden, 'in.x'));
      const mask = config.masked ? [goldenTensor(golden, 'in.mask')] : [];
      const layer = layerOf(file, golden);
      expect(layer.landmarks).toBe(config.n);
      const forward = (): tf.Tensor => layer.apply([x, ...mask]) as tf.Tensor;
      forward().dispose();
      const weights = weightsOf(layer);
      setGoldenWeights(golden, weights, names[file]);

      const events: PrimalScoresEvent[] = [];
      const stop = onScores(layer, (event) => {
        const clones = Object.entries(event).filter(([key]) => key !== 'layer');
        events.push(
          Object.fromEntries(clones.map(([key, tensor]) => [key, tf.keep(tf.clone(tensor))])) as never,
        );
      });
      const { output, losses } = withLosses(forward);
      stop();
      expect(events.length).toBe(1);
      expect(losses.map(({ layer: name }) => name)).toEqual([layer.name]);
      const { e, r, projectionE, projectionR } = events[0];

      // The single terms, from the pure functions.
      const headFirst = (t: tf.Tensor4D): tf.Tensor4D => tf.transpose(t, [1, 0, 2, 3]);
      const trace =
        layer.trace === 'weights'
          ? weightTrace(
              weights.get('we') as tf.Tensor as tf.Tensor3D,
              weights.get('wr') as tf.Tensor as tf.Tensor3D,
            )
          : projectionTrace(headFirst(projectionE), headFirst(projectionR));
      const terms = ksvdObjective(
        headFirst(e),
        headFirst(r),
        weights.get('lambda') as tf.Tensor as tf.Tensor2D,
        trace,
      );
      const overBatch = (t: tf.Tensor): tf.Tensor => (reduction === 'batch' ? tf.mean(t) : t);
      const grid = tf.tensor1d(landmarkPositions(config.N, layer.landmarks), 'int32');
      await expectSection(golden, 'out', {
        output,
        e,
        r,
        grid,
        J: overBatch(losses[0].objective),
        J_e: overBatch(terms.queryVariance),
        J_r: overBatch(terms.keyVariance),
        J_trace: tf.mean(trace),
        ...(file === 'primal_lra'
          ? { A_e: projectionE, A_r: projectionR, ksvd: ksvdLoss(losses, { reduction }) }
          : { ksvd_per_sample: tf.square(losses[0].objective) }),
      });

      const w = goldenTensor(golden, 'w');
      const variables = [x, ...weights.values()];
      const ofOutput = tf.variableGrads(() => tf.sum(tf.mul(forward(), w)), variables);
      await expectLoss(golden, 'loss_output', ofOutput.value);
      await expectSection(golden, 'grad_output', {
        'in.x': ofOutput.grads[x.name],
        ...goldenGradients(golden, ofOutput.grads, weights, names[file]),
      });

      const ofKsvd = tf.variableGrads(() => ksvdLoss(withLosses(forward).losses, { reduction }), variables);
      await expectLoss(golden, 'loss_ksvd', ofKsvd.value);
      await expectSection(golden, 'grad_ksvd', {
        'in.x': ofKsvd.grads[x.name],
        ...goldenGradients(golden, ofKsvd.grads, weights, names[file]),
      });
    });
  });
}
