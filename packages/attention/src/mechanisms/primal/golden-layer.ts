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
import { onScores, type ProjectionScoresEvent } from '../../scores.js';
import type { PrimalLayer } from './base.js';
import { type KsvdReduction, ksvdLoss, withLosses } from './ksvd-loss.js';
import { ksvdObjective, projectionTrace, weightTrace } from './primal.js';

/** What each official module calls its linear maps. */
const names = {
  query: ['W_q', 'query_projection', 'q_proj'],
  key: ['W_k', 'key_projection', 'k_proj'],
  output: ['ff', 'out_projection', 'out_proj', 'proj'],
};

/** The parameters of an official Primal module, by whichever of their names the case has. */
export function primalMap(golden: GoldenCase): WeightMap {
  const map: WeightMap = {
    ...linearMap('W_c', 'combine'),
    We: { weight: 'we' },
    Wr: { weight: 'wr' },
    Lambda: { weight: 'lambda' },
  };
  for (const [ours, theirs] of Object.entries(names)) {
    const name = theirs.find((candidate) => golden.values.has(`param.${candidate}.weight`));
    if (name === undefined) {
      throw new Error(`golden case ${golden.file}/${golden.name} has none of ${theirs.join(', ')}`);
    }
    Object.assign(map, linearMap(name, ours));
  }
  return map;
}

/** What surrounds the layer in a case: the input of the layer from x, and the output from x and the layer's output. */
export interface Surroundings {
  /** Parameters of what surrounds the layer, by their names in the case: `norm1.weight`. */
  parameters: Record<string, tf.Variable>;
  before: (x: tf.Tensor3D) => tf.Tensor3D;
  after: (x: tf.Tensor3D, attended: tf.Tensor3D) => tf.Tensor3D;
}

/**
 * Output, scores, terms of J, `loss_output` = sum(output * w) and `loss_ksvd` with all gradients, of a Primal layer with a
 * case's parameters.
 *
 * @param reduction how the module's training code reduces J over the batch
 */
export function checkPrimalLayer(
  golden: GoldenCase,
  layer: PrimalLayer,
  reduction: KsvdReduction,
  around?: Surroundings,
): Computed {
  const map = primalMap(golden);
  const x = tf.variable(goldenTensor<tf.Tensor3D>(golden, 'in.x'));
  const mask = golden.config.masked === true ? [goldenTensor(golden, 'in.mask')] : [];
  const attend = (tokens: tf.Tensor3D): tf.Tensor3D => layer.apply([tokens, ...mask]) as tf.Tensor3D;
  const forward = (): tf.Tensor3D =>
    around === undefined
      ? attend(x as tf.Tensor as tf.Tensor3D)
      : around.after(x as tf.Tensor as tf.Tensor3D, attend(around.before(x as tf.Tensor as tf.Tensor3D)));
  forward().dispose();
  const weights = layerWeights(layer);
  setGoldenWeights(golden, weights, map);

  const { output, losses, event } = hear(layer, forward);
  const { e, r, projectionE, projectionR } = event;
  const weight = <T extends tf.Tensor>(name: string): T => weights.get(name) as tf.Tensor as T;
  const trace =
    layer.getConfig().trace === 'projections'
      ? projectionTrace(headsFirst(projectionE), headsFirst(projectionR))
      : weightTrace(weight('we'), weight('wr'));
  // The single terms, from the pure functions.
  const terms = ksvdObjective(headsFirst(e), headsFirst(r), weight('lambda'), trace);
  const reduced = (t: tf.Tensor): tf.Tensor => (reduction === 'batch' ? tf.mean(t) : t);

  const w = goldenTensor(golden, 'w');
  const others = around?.parameters ?? {};
  const variables = [x, ...weights.values(), ...Object.values(others)];
  const ofOutput = tf.variableGrads(() => tf.sum(tf.mul(forward(), w)), variables);
  const ofKsvd = tf.variableGrads(() => ksvdLoss(withLosses(forward).losses, { reduction }), variables);
  const gradients = (section: string, grads: tf.NamedTensorMap): Computed => {
    const named: Record<string, tf.Tensor | undefined> = {
      'in.x': grads[x.name],
      ...weightGradients(golden, grads, weights, map),
    };
    for (const [name, variable] of Object.entries(others)) named[`param.${name}`] = grads[variable.name];
    return Object.fromEntries(Object.entries(named).map(([name, grad]) => [`${section}.${name}`, grad]));
  };
  return {
    'out.output': output,
    'out.e': e,
    'out.r': r,
    'out.A_e': projectionE,
    'out.A_r': projectionR,
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

type Heard = Pick<ProjectionScoresEvent, 'e' | 'r' | 'projectionE' | 'projectionR'>;

/** A forward pass, its objectives, and what the layer's listeners hear, kept. */
function hear(
  layer: PrimalLayer,
  forward: () => tf.Tensor,
): { output: tf.Tensor; losses: ReturnType<typeof withLosses>['losses']; event: Heard } {
  let event: Heard | undefined;
  const stop = onScores(layer, (heard) => {
    const { e, r, projectionE, projectionR } = heard;
    // Kept beyond the layer's scope; what a check returns is disposed of by who runs it.
    const kept = Object.entries({ e, r, projectionE, projectionR }).map(([key, tensor]) => [
      key,
      tf.keep(tf.clone(tensor)),
    ]);
    event = Object.fromEntries(kept) as Heard;
  });
  const { output, losses } = withLosses(forward);
  stop();
  if (event === undefined || losses.length !== 1) {
    throw new Error(`expected one event and one objective, got ${event ? 1 : 0} and ${losses.length}`);
  }
  return { output, losses, event };
}
