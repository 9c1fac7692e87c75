import { type KsvdRecord, ksvdLoss, withLosses } from '@primal-attention/attention';
import { jit } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import {
  expectLoss,
  expectSection,
  type GoldenCase,
  goldenGradients,
  goldenTensor,
  loadGolden,
  setGoldenWeights,
  type WeightMap,
} from '../../attention/src/testing/golden.js';
import { lraClassifier } from './lra.js';
import { namedWeights } from './named-weights.js';
import { kindsOf, lraWeights, ueaWeights } from './testing/golden-models.js';
import { ueaClassifier } from './uea.js';

interface Config {
  N: number;
  L: number;
  d: number;
  heads: number;
  ff: number;
  mlp_hidden: number;
  feat_dim: number;
  max_len: number;
  vocab: number;
  classes: number;
  s: number | null;
  rank_multi: number | null;
  eta: number | null;
  dual: boolean;
}

/** CE per sample, [B]. */
function crossEntropy(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor1D {
  const chosen = tf.oneHot(labels as tf.Tensor1D, logits.shape[1] as number);
  return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), chosen), 1)) as tf.Tensor1D;
}

/** mean over layers of J_b^2 per sample, which a loss has in UEA's code only inside its mean. */
function squaredPerSample(losses: KsvdRecord[]): tf.Tensor {
  return tf.mean(tf.stack(losses.map(({ objective }) => tf.square(objective))), 0);
}

/** Gives the model its golden weights, then compares values and every gradient. */
async function check(
  golden: GoldenCase,
  model: tf.LayersModel,
  inputs: tf.Tensor[],
  map: WeightMap,
  hidden: Record<string, string>,
  reduction: 'sample' | 'batch',
): Promise<void> {
  const config = golden.config as unknown as Config;
  const weights = new Map(Object.entries(namedWeights(model)));
  setGoldenWeights(golden, weights, map);
  const labels = goldenTensor(golden, 'in.label');
  const primal = config.eta !== null;
  const eta = config.eta ?? 0;
  // Hidden states, of the first document where there are two.
  const states = tf.model({
    inputs: model.inputs,
    outputs: Object.values(hidden).map((name) => model.getLayer(name).getOutputAt(0) as tf.SymbolicTensor),
  });
  const stateValues = states.predict(inputs) as tf.Tensor[];
  const { output, losses } = withLosses(() => model.apply(inputs) as tf.Tensor);
  const ce = crossEntropy(output, labels);
  const ksvd = reduction === 'sample' && primal ? squaredPerSample(losses) : ksvdLoss(losses, { reduction });
  await expectSection(golden, 'out', {
    logits: output,
    loss_per_sample: tf.add(ce, tf.mul(eta, ksvd)),
    ...(golden.values.has('out.loss_ce') && { loss_ce: ce }),
    ...(golden.values.has('out.loss_ksvd') && { loss_ksvd: ksvd }),
    ...(golden.values.has('out.accu') && {
      accu: tf.cast(tf.equal(tf.argMax(output, 1), labels), 'float32'),
    }),
    ...Object.fromEntries(Object.keys(hidden).map((name, i) => [name, stateValues[i]])),
  });

  // A series is differentiated too; ids are not. Inside jit, where that exists: the values above were computed outside.
  const x = inputs[0].dtype === 'float32' ? tf.variable(inputs[0]) : undefined;
  const variables = [...weights.values(), ...(x ? [x] : [])];
  const step = jit(() =>
    tf.variableGrads(() => {
      const pass = withLosses(() => model.apply(x ? [x, ...inputs.slice(1)] : inputs) as tf.Tensor);
      const loss = tf.mean(crossEntropy(pass.output, labels));
      return tf.add(loss, tf.mul(eta, ksvdLoss(pass.losses, { reduction }))) as tf.Scalar;
    }, variables),
  );
  const { value, grads } = step();
  await expectLoss(golden, 'loss', value);
  await expectSection(golden, 'grad', {
    ...goldenGradients(golden, grads, weights, map),
    ...(x && { 'in.x': grads[x.name] }),
  });
}

describe.each(['uea_softmax', 'uea_primalformer', 'uea_primal_trans'])('%s', async (file) => {
  const cases = await loadGolden(file);
  const kinds = kindsOf[file];

  test('has its case', () => {
    expect(cases.map(({ name }) => name)).toEqual(['classifier']);
  });

  test.each(cases.map((golden) => [golden.name, golden] as const))('%s', async (_name, golden) => {
    const config = golden.config as unknown as Config;
    const model = ueaClassifier({
      attention: kinds,
      features: config.feat_dim,
      maxLength: config.max_len,
      classes: config.classes,
      modelSize: config.d,
      heads: config.heads,
      feedForward: config.ff,
      ...(kinds.includes('primal') && {
        rank: config.s as number,
        rankMultiplier: config.rank_multi as number,
      }),
    });
    const inputs = ['in.x', 'in.padding_mask'].map((name) => goldenTensor(golden, name));
    const hidden = { layer0: 'layer0/norm2', layer1: 'layer1/norm2', final_norm: 'norm' };
    await check(golden, model, inputs, ueaWeights(kinds), hidden, 'sample');
    model.dispose();
  });
});

describe.each(['lra_softmax', 'lra_primalformer', 'lra_primal_trans'])('%s', async (file) => {
  const cases = await loadGolden(file);
  const kinds = kindsOf[file];

  test('has its cases', () => {
    expect(cases.map(({ name }) => name).sort()).toEqual(['dual', 'single']);
  });

  test.each(cases.map((golden) => [golden.name, golden] as const))('%s', async (_name, golden) => {
    const config = golden.config as unknown as Config;
    const model = lraClassifier({
      attention: kinds,
      vocabulary: config.vocab,
      maxLength: config.N,
      classes: config.classes,
      dual: config.dual,
      modelSize: config.d,
      heads: config.heads,
      feedForward: config.mlp_hidden,
      ...(kinds.includes('primal') && {
        rank: config.s as number,
        rankMultiplier: config.rank_multi as number,
      }),
    });
    const ids = config.dual ? ['in.input_ids_0', 'in.input_ids_1'] : ['in.input_ids_0'];
    const inputs = ids.map((name) => goldenTensor(golden, name));
    const hidden = {
      embedding: 'positions',
      layer0: 'layer0/sum2',
      layer1: 'layer1/sum2',
      final_norm: 'norm',
    };
    await check(golden, model, inputs, lraWeights(kinds), hidden, 'batch');
    model.dispose();
  });
});
