import {
  type Computed,
  type GoldenCase,
  goldenTensor,
  linearMap,
  setGoldenWeights,
  type WeightMap,
  weightGradients,
} from '@primal-attention/golden';
import * as tf from '@tensorflow/tfjs';
import { headsFirst } from '../../golden-inputs.js';
import { layerWeights } from '../../layer.js';
import { onScores, type PrimalScoresEvent } from '../../scores.js';
import { type KsvdReduction, ksvdLoss, withLosses } from './ksvd-loss.js';
import { landmarkPositions } from './landmarks.js';
import { PrimalAttention } from './layer.js';
import { ksvdObjective, projectionTrace, weightTrace } from './primal.js';

const shared: WeightMap = {
  ...linearMap('W_c', 'combine'),
  We: { weight: 'we' },
  Wr: { weight: 'wr' },
  Lambda: { weight: 'lambda' },
};

interface Config {
  H: number;
  N: number;
  s: number;
  rank_multi: number;
  masked?: boolean;
  trace_no_x?: boolean;
  max_len?: number;
}

/** `primal_lra.safetensors`: the data-dependent layer with its mask; J is averaged over the batch before it is squared. */
export function checkPrimalLra(golden: GoldenCase): Computed {
  const map = {
    ...shared,
    ...linearMap('W_q', 'query'),
    ...linearMap('W_k', 'key'),
    ...linearMap('ff', 'output'),
  };
  return checkDataDependent(golden, map, 'batch');
}

/** `primal_uea.safetensors`: the data-dependent layer without a mask; J is squared per sample. */
export function checkPrimalUea(golden: GoldenCase): Computed {
  const map = {
    ...shared,
    ...linearMap('query_projection', 'query'),
    ...linearMap('key_projection', 'key'),
    ...linearMap('out_projection', 'output'),
  };
  return checkDataDependent(golden, map, 'sample');
}

function checkDataDependent(golden: GoldenCase, map: WeightMap, reduction: KsvdReduction): Computed {
  const { H, N, s, rank_multi, masked, trace_no_x, max_len } = golden.config as unknown as Config;
  const layer = new PrimalAttention({
    heads: H,
    rank: s,
    rankMultiplier: rank_multi,
    ...(max_len !== undefined && { maxLength: max_len }),
    trace: trace_no_x === false ? 'projections' : 'weights',
  });
  const x = tf.variable(goldenTensor(golden, 'in.x'));
  const mask = masked ? [goldenTensor(golden, 'in.mask')] : [];
  const forward = (): tf.Tensor => layer.apply([x, ...mask]) as tf.Tensor;
  forward().dispose();
  const weights = layerWeights(layer);
  setGoldenWeights(golden, weights, map);

  let event: PrimalScoresEvent | undefined;
  const stop = onScores(layer, (heard) => {
    const kept = Object.entries(heard).filter(([key]) => key !== 'layer');
    event = Object.fromEntries(
      kept.map(([key, tensor]) => [key, tf.keep(tf.clone(tensor as tf.Tensor))]),
    ) as never;
  });
  const { output, losses } = withLosses(forward);
  stop();
  if (event === undefined || losses.length !== 1)
    throw new Error(`expected one event and one objective, got ${event ? 1 : 0} and ${losses.length}`);
  const { e, r, projectionE, projectionR } = event;

  // The single terms, from the pure functions.
  const trace =
    layer.trace === 'weights'
      ? weightTrace(
          weights.get('we') as tf.Tensor as tf.Tensor3D,
          weights.get('wr') as tf.Tensor as tf.Tensor3D,
        )
      : projectionTrace(headsFirst(projectionE), headsFirst(projectionR));
  const lambda = weights.get('lambda') as tf.Tensor as tf.Tensor2D;
  const terms = ksvdObjective(headsFirst(e), headsFirst(r), lambda, trace);
  const reduced = (t: tf.Tensor): tf.Tensor => (reduction === 'batch' ? tf.mean(t) : t);

  const w = goldenTensor(golden, 'w');
  const variables = [x, ...weights.values()];
  const ofOutput = tf.variableGrads(() => tf.sum(tf.mul(forward(), w)), variables);
  const ofKsvd = tf.variableGrads(() => ksvdLoss(withLosses(forward).losses, { reduction }), variables);
  const gradients = (section: string, grads: tf.NamedTensorMap): Computed => {
    const named = { 'in.x': grads[x.name], ...weightGradients(golden, grads, weights, map) };
    return Object.fromEntries(Object.entries(named).map(([name, grad]) => [`${section}.${name}`, grad]));
  };
  return {
    'out.output': output,
    'out.e': e,
    'out.r': r,
    'out.A_e': projectionE,
    'out.A_r': projectionR,
    'out.grid': { shape: [layer.landmarks], data: landmarkPositions(N, layer.landmarks) },
    'out.J': reduced(losses[0].objective),
    'out.J_e': reduced(terms.queryVariance),
    'out.J_r': reduced(terms.keyVariance),
    'out.J_trace': tf.mean(trace),
    'out.ksvd': ksvdLoss(losses, { reduction }),
    'out.ksvd_per_sample': tf.square(losses[0].objective),
    loss_output: ofOutput.value,
    ...gradients('grad_output', ofOutput.grads),
    loss_ksvd: ofKsvd.value,
    ...gradients('grad_ksvd', ofKsvd.grads),
  };
}
