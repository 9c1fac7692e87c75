import { type KsvdRecord, type KsvdReduction, ksvdLoss, withLosses } from '@primal-attention/attention';
import {
  type Computed,
  type GoldenCase,
  goldenTensor,
  setGoldenWeights,
  type WeightMap,
  weightGradients,
} from '@primal-attention/golden';
import { jit } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import type { AttentionKind } from '../config.js';
import { lraClassifier } from '../lra.js';
import { namedWeights } from '../named-weights.js';
import { ueaClassifier } from '../uea.js';
import { kindsOf, lraLayer, lraWeights, ueaLayer, ueaWeights } from './official-names.js';

interface Config {
  N: number;
  d: number;
  heads: number;
  ff: number;
  mlp_hidden: number;
  feat_dim: number;
  max_len: number;
  vocab: number;
  classes: number;
  s?: number | null;
  rank_multi?: number | null;
  eta?: number | null;
  dual?: boolean;
  trace_no_x?: boolean;
}

/** `uea_*.safetensors`: the classifier of time series; J is squared per sample. */
export function checkUea(golden: GoldenCase): Computed {
  const config = golden.config as unknown as Config;
  const kinds = kindsOf(golden, ueaLayer, 'attention.We');
  const model = ueaClassifier({
    ...sizes(config, kinds),
    features: config.feat_dim,
    maxLength: config.max_len,
    feedForward: config.ff,
  });
  return checkClassifier(golden, model, {
    inputs: ['in.x', 'in.padding_mask'],
    weights: ueaWeights(kinds),
    states: { ...layerStates(kinds, 'norm2'), final_norm: 'norm' },
    reduction: 'sample',
  });
}

/** `lra_*.safetensors`: the classifier of one document or two; J is averaged over the batch before it is squared. */
export function checkLra(golden: GoldenCase): Computed {
  const config = golden.config as unknown as Config;
  const { dual = false } = config;
  const kinds = kindsOf(golden, lraLayer, 'mha.We');
  const model = lraClassifier({
    ...sizes(config, kinds),
    vocabulary: config.vocab,
    maxLength: config.N,
    feedForward: config.mlp_hidden,
    dual,
    trace: config.trace_no_x === false ? 'projections' : 'weights',
  });
  return checkClassifier(golden, model, {
    inputs: dual ? ['in.input_ids_0', 'in.input_ids_1'] : ['in.input_ids_0'],
    weights: lraWeights(kinds),
    states: { embedding: 'positions', ...layerStates(kinds, 'sum2'), final_norm: 'norm' },
    reduction: 'batch',
  });
}

function sizes(config: Config, attention: AttentionKind[]) {
  return {
    attention,
    classes: config.classes,
    modelSize: config.d,
    heads: config.heads,
    ...(attention.includes('primal') && {
      rank: config.s as number,
      rankMultiplier: config.rank_multi as number,
    }),
  };
}

function layerStates(kinds: readonly AttentionKind[], last: string): Record<string, string> {
  return Object.fromEntries(kinds.map((_, l) => [`layer${l}`, `layer${l}/${last}`]));
}

/** What a classifier's case asks for. */
interface Classification {
  inputs: readonly string[];
  weights: WeightMap;
  /** From the name of a hidden state to the layer that gives it. */
  states: Record<string, string>;
  reduction: KsvdReduction;
}

function checkClassifier(
  golden: GoldenCase,
  model: tf.LayersModel,
  { inputs: names, weights: map, states: hidden, reduction }: Classification,
): Computed {
  const { eta } = golden.config as unknown as Config;
  const weights = new Map(Object.entries(namedWeights(model)));
  setGoldenWeights(golden, weights, map);
  const inputs = names.map((name) => goldenTensor(golden, name));
  const labels = goldenTensor<tf.Tensor1D>(golden, 'in.label');
  const withStates = tf.model({
    inputs: model.inputs,
    // Hidden states are those of the first document where there are two.
    outputs: [
      ...model.outputs,
      ...Object.values(hidden).map((name) => model.getLayer(name).getOutputAt(0) as tf.SymbolicTensor),
    ],
  });
  // A series is differentiated too; ids are not.
  const x = inputs[0].dtype === 'float32' ? tf.variable(inputs[0]) : undefined;
  const variables = [...weights.values(), ...(x ? [x] : [])];
  // One program, where there are programs: compiling single operations takes far longer.
  const { logits, states, ce, ksvd, value, grads } = jit(() => {
    const pass = withLosses(() => withStates.apply(inputs) as tf.Tensor[]);
    const [logits, ...states] = pass.output;
    const ce = crossEntropy(logits, labels);
    const perSample = reduction === 'sample' && pass.losses.length > 0;
    const ksvd = perSample ? squaredPerSample(pass.losses) : ksvdLoss(pass.losses, { reduction });
    const { value, grads } = tf.variableGrads(() => {
      const { output, losses } = withLosses(
        () => model.apply(x ? [x, ...inputs.slice(1)] : inputs) as tf.Tensor,
      );
      const loss = tf.mean(crossEntropy(output, labels));
      return tf.add(loss, tf.mul(eta ?? 0, ksvdLoss(losses, { reduction }))) as tf.Scalar;
    }, variables);
    return { logits, states, ce, ksvd, value, grads };
  })();
  const gradients = { ...weightGradients(golden, grads, weights, map), ...(x && { 'in.x': grads[x.name] }) };
  return {
    'out.logits': logits,
    'out.loss_per_sample': tf.add(ce, tf.mul(eta ?? 0, ksvd)),
    'out.loss_ce': ce,
    'out.loss_ksvd': ksvd,
    'out.accu': tf.cast(tf.equal(tf.argMax(logits, 1), labels), 'float32'),
    ...Object.fromEntries(Object.keys(hidden).map((name, i) => [`out.${name}`, states[i]])),
    loss: value,
    ...Object.fromEntries(Object.entries(gradients).map(([name, gradient]) => [`grad.${name}`, gradient])),
  };
}

/** CE per sample, [B]. */
function crossEntropy(logits: tf.Tensor, labels: tf.Tensor1D): tf.Tensor1D {
  const chosen = tf.oneHot(labels, logits.shape[1] as number);
  return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), chosen), 1)) as tf.Tensor1D;
}

/** mean over layers of J_b^2 per sample, which a loss has in UEA's code only inside its mean. */
function squaredPerSample(losses: readonly KsvdRecord[]): tf.Tensor {
  return tf.mean(tf.stack(losses.map(({ objective }) => tf.square(objective))), 0);
}
