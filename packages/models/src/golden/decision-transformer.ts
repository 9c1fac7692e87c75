import {
  type AttentionLayer,
  ksvdLoss,
  onScores,
  type PrimalLayer,
  withLosses,
} from '@primal-attention/attention';
import {
  type Computed,
  type GoldenCase,
  goldenTensor,
  linearMap,
  normMap,
  setGoldenWeights,
  untransposedMap,
  type WeightMap,
  weightGradients,
} from '@primal-attention/golden';
import { jit } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import type { AttentionKind } from '../config.js';
import { actionLoss, decisionTransformer } from '../decision-transformer.js';
import { gpt2Block } from '../gpt2-block.js';
import { attentionLayers, namedWeights } from '../named-weights.js';
import { kindsOf } from './official-names.js';

/** Layer l of the Decision Transformer's code. */
const layerOf = (l: number): string => `transformer.h.${l}`;

/** Parameters of the official module that take part in nothing, and that ours does not have. */
const unused = ['transformer.wte.weight'];

function blockWeights(kind: AttentionKind, theirs: string, ours: string): WeightMap {
  const attention = `${ours}/attention`;
  return {
    ...normMap(`${theirs}ln_1`, `${ours}/norm1`),
    ...normMap(`${theirs}ln_2`, `${ours}/norm2`),
    ...untransposedMap(`${theirs}mlp.c_fc`, `${ours}/feedforward/hidden`),
    ...untransposedMap(`${theirs}mlp.c_proj`, `${ours}/feedforward/output`),
    ...(kind === 'softmax'
      ? {
          ...untransposedMap(
            `${theirs}attn.c_attn`,
            ['query', 'key', 'value'].map((name) => `${attention}/${name}`),
          ),
          ...untransposedMap(`${theirs}attn.c_proj`, `${attention}/output`),
        }
      : {
          ...linearMap(`${theirs}attn.att.query_projection`, `${attention}/query`),
          ...linearMap(`${theirs}attn.att.key_projection`, `${attention}/key`),
          ...linearMap(`${theirs}attn.att.out_projection`, `${attention}/output`),
          ...linearMap(`${theirs}attn.att.W_c`, `${attention}/combine`),
          [`${theirs}attn.att.We`]: { weight: `${attention}/we` },
          [`${theirs}attn.att.Wr`]: { weight: `${attention}/wr` },
          [`${theirs}attn.att.Lambda`]: { weight: `${attention}/lambda` },
        }),
  };
}

function modelWeights(kinds: readonly AttentionKind[]): WeightMap {
  return Object.assign(
    {
      'embed_timestep.weight': { weight: 'embed/timestep/embeddings' },
      ...normMap('embed_ln', 'embed/norm'),
      ...normMap('transformer.ln_f', 'norm'),
      ...linearMap('predict_action.0', 'predict/action'),
    },
    ...['return', 'state', 'action'].map((name) => linearMap(`embed_${name}`, `embed/${name}`)),
    ...['return', 'state'].map((name) => linearMap(`predict_${name}`, `predict/${name}`)),
    ...kinds.map((kind, l) => blockWeights(kind, `${layerOf(l)}.`, `layer${l}`)),
  );
}

function requireRelu({ config }: GoldenCase): void {
  const { act = 'relu' } = config;
  if (act !== 'relu') throw new Error(`the feed-forward part is known with relu only, got ${String(act)}`);
}

interface ModelConfig {
  state_dim: number;
  act_dim: number;
  d: number;
  heads: number;
  mlp: number;
  max_ep_len: number;
  s?: number | null;
  eta?: number | null;
}

/** `decision_transformer.safetensors`: the whole model with the loss of its training. */
export function checkDecisionTransformer(golden: GoldenCase): Computed {
  requireRelu(golden);
  const config = golden.config as unknown as ModelConfig;
  const kinds = kindsOf(golden, layerOf, 'attn.att.We');
  const model = decisionTransformer({
    attention: kinds,
    stateSize: config.state_dim,
    actionSize: config.act_dim,
    maxEpisodeLength: config.max_ep_len,
    modelSize: config.d,
    heads: config.heads,
    feedForward: config.mlp,
    dropout: 0,
    ...(kinds.includes('primal') && { rank: config.s as number }),
  });
  const weights = new Map(Object.entries(namedWeights(model)));
  const map = modelWeights(kinds);
  setGoldenWeights(without(golden, unused), weights, map);

  const [timesteps, mask] = ['timesteps', 'mask'].map((name) => goldenTensor(golden, `in.${name}`));
  const given = ['states', 'actions', 'returns_to_go'];
  const variables = given.map((name) => tf.variable(goldenTensor(golden, `in.${name}`)));
  const forward = (): {
    predictions: tf.Tensor[];
    action: tf.Scalar;
    ksvd: tf.Scalar;
    objective?: tf.Tensor;
  } => {
    const { output, losses } = withLosses(
      () => model.apply([...variables, timesteps, mask] as tf.Tensor[]) as tf.Tensor[],
    );
    return {
      predictions: output,
      // The targets are the inputs themselves in the official code too: gradients in the actions have both parts.
      action: actionLoss(
        output[0] as tf.Tensor3D,
        variables[1] as tf.Tensor as tf.Tensor3D,
        mask as tf.Tensor2D,
      ),
      ksvd: ksvdLoss(losses, { reduction: 'sample' }),
      objective: losses.at(-1)?.objective,
    };
  };
  const total = (action: tf.Scalar, ksvd: tf.Scalar): tf.Scalar =>
    tf.add(action, tf.mul(config.eta ?? 0, ksvd));
  const { predictions, action, ksvd, objective, value, grads, norm } = jit(() => {
    const { value, grads } = tf.variableGrads(() => {
      const pass = forward();
      return total(pass.action, pass.ksvd);
    }, [...weights.values(), ...variables]);
    const squares = [...weights.values()]
      .map(({ name }) => grads[name])
      .filter((gradient) => gradient != null)
      .map((gradient) => tf.sum(tf.square(gradient)));
    return { ...forward(), value, grads, norm: tf.sqrt(tf.addN(squares)) };
  })();
  return {
    'out.action_preds': predictions[0],
    'out.state_preds': predictions[1],
    'out.return_preds': predictions[2],
    'out.loss_action': action,
    'out.loss_ksvd': ksvd,
    'out.loss_total': total(action, ksvd),
    'out.J': objective,
    'out.grad_norm': norm,
    loss: value,
    ...prefixed('grad', weightGradients(golden, grads, weights, map)),
    ...Object.fromEntries(given.map((name, i) => [`grad.in.${name}`, grads[variables[i].name]])),
  };
}

interface BlockConfig {
  H: number;
  d_model: number;
  mlp: number;
  s?: number | null;
  ln_eps?: number;
}

/** `dt_block.safetensors`: one block, with `loss_output` = sum(output * w) and, where it is Primal, `loss_ksvd`. */
export function checkDecisionTransformerBlock(golden: GoldenCase): Computed {
  requireRelu(golden);
  const config = golden.config as unknown as BlockConfig;
  const kind = golden.values.has('param.attn.att.We') ? 'primal' : 'softmax';
  const block = gpt2Block('block', kind, {
    modelSize: config.d_model,
    heads: config.H,
    feedForward: config.mlp,
    dropout: 0,
    seed: 0,
    ...(kind === 'primal' && { rank: config.s as number }),
    epsilon: config.ln_eps,
  });
  const [input, mask] = [tf.input({ shape: [null, config.d_model] }), tf.input({ shape: [null] })];
  const model = tf.model({ inputs: [input, mask], outputs: block(input, mask) });
  const weights = new Map(Object.entries(namedWeights(model)));
  const map = blockWeights(kind, '', 'block');
  setGoldenWeights(golden, weights, map);

  const x = tf.variable(goldenTensor<tf.Tensor3D>(golden, 'in.x'));
  const [batch, length] = x.shape;
  const real = golden.values.has('in.mask') ? goldenTensor(golden, 'in.mask') : tf.ones([batch, length]);
  const w = goldenTensor(golden, 'w');
  const forward = () => withLosses(() => model.apply([x, real]) as tf.Tensor);
  const variables = [...weights.values(), x];
  const computed: Record<string, tf.Tensor | undefined> = {};
  const gradients = (section: string, loss: () => tf.Scalar): void => {
    const { value, grads } = jit(() => tf.variableGrads(loss, variables))();
    computed[`loss${section}`] = value;
    Object.assign(computed, prefixed(`grad${section}`, weightGradients(golden, grads, weights, map)));
    computed[`grad${section}.in.x`] = grads[x.name];
  };
  gradients('_output', () => tf.sum(tf.mul(forward().output, w)));
  if (kind === 'softmax') return { ...computed, 'out.output': jit(() => forward().output)() };

  gradients('_ksvd', () => ksvdLoss(forward().losses, { reduction: 'sample' }));
  const [layer] = attentionLayers(model) as (AttentionLayer & PrimalLayer)[];
  const stop = onScores(layer, ({ e, r }) => {
    // The block outlives neither; what a check returns is disposed of by who runs it.
    Object.assign(computed, { 'out.e': tf.keep(tf.clone(e)), 'out.r': tf.keep(tf.clone(r)) });
  });
  const { output, objective } = jit(() => {
    const { output, losses } = forward();
    return { output, objective: losses[0].objective };
  })();
  stop();
  return {
    ...computed,
    'out.output': output,
    'out.J': objective,
    'out.ksvd_per_sample': tf.square(objective),
  };
}

function without(golden: GoldenCase, parameters: readonly string[]): GoldenCase {
  const dropped = new Set(parameters.map((name) => `param.${name}`));
  return { ...golden, values: new Map([...golden.values].filter(([name]) => !dropped.has(name))) };
}

function prefixed(
  section: string,
  tensors: Record<string, tf.Tensor | undefined>,
): Record<string, tf.Tensor | undefined> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${section}.${name}`, tensor]));
}
