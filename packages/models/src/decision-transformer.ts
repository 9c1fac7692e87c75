import { initializerConfig, type MaskMode, SeededNormal } from '@primal-attention/attention';
import * as tf from '@tensorflow/tfjs';
import { checkConfig, type TransformerConfig, transformerKeys } from './config.js';
import { type Gpt2BlockOptions, gpt2Block } from './gpt2-block.js';
import { Interleave, TakeInterleaved } from './layers/interleave.js';
import { LayerNorm } from './layers/layer-norm.js';
import { StatelessDropout } from './layers/stateless-dropout.js';
import { dense, part } from './parts.js';

/** Configuration of {@link decisionTransformer}. */
export interface DecisionTransformerConfig
  extends Omit<TransformerConfig, 'attention' | 'mechanismOptions' | 'rankMultiplier'> {
  /** `softmax` or causal `primal` for each layer; the paper has Primal in the last alone. */
  attention: readonly ('softmax' | 'primal')[];
  /** The size of a state. */
  stateSize: number;
  /** The size of an action. */
  actionSize: number;
  /** Time steps are 0 .. maxEpisodeLength - 1. Default 1000. */
  maxEpisodeLength?: number;
  /** How softmax attention leaves out padded and later tokens. Default `gpt2`, as in the official code. */
  maskMode?: MaskMode;
  /** Keeps padded tokens out of the prefix means of Primal layers. Default false, as in the official code. */
  maskPrefix?: boolean;
}

const keys = [
  ...transformerKeys.filter((key) => key !== 'rankMultiplier' && key !== 'mechanismOptions'),
  'stateSize',
  'actionSize',
  'maxEpisodeLength',
  'maskMode',
  'maskPrefix',
];

/**
 * The paper's Decision Transformer (table 5): what an agent should do next, from the returns that it is to reach, the states
 * that it saw and the actions that it took.
 *
 *     tokens R_1, s_1, a_1, R_2, …:  W_R R_t + p_t,  W_s s_t + p_t,  W_a a_t + p_t  with p_t the embedding of time step t
 *     h = LN(tokens)
 *     each layer:  h += attention(LN(h)),  h += W_2 relu(W_1 LN(h))
 *     action_t = tanh(V_a LN(h) of token s_t),  state_t and return_t from V_s and V_R and the token a_t
 *
 * Inputs `states` [B, K, stateSize], `actions` [B, K, actionSize], `returnsToGo` [B, K, 1], `timesteps` [B, K] (int32) and
 * `mask` [B, K], 1 for a step and 0 for padding; K may differ from call to call. Outputs `actions` [B, K, actionSize],
 * `states` [B, K, stateSize] and `returns` [B, K, 1]. Attention is causal: softmax, or `CausalPrimalAttention`, whose place
 * in the paper is the last layer. Defaults are the paper's: d 256, 4 heads, feed-forward 1024, dropout 0.1 (on the tokens,
 * on both branches, and on softmax weights).
 *
 * How it differs from what one might expect, with the official code: tokens have no position but their time step; the heads
 * of states and returns are there, and no loss trains them ({@link actionLoss}); the blocks start as GPT-2's, N(0, 0.02^2)
 * with biases of 0, the time steps as N(0, 1), and the other linear maps as torch's; see {@link MaskMode} for `gpt2`. The
 * official module also holds a table of one word that it never uses; ours does not.
 *
 * Source: yingyichen-cyy/PrimalAttention, PrimalAttention_RL/decision_transformer/models/decision_transformer.py and
 * trajectory_gpt2.py.
 */
export function decisionTransformer(config: DecisionTransformerConfig): tf.LayersModel {
  const { stateSize, actionSize, attention, rank, maskMode, maskPrefix } = config;
  const { maxEpisodeLength = 1000, modelSize = 256, heads = 4, feedForward = 1024 } = config;
  const { dropout = 0.1, seed = 0 } = config;
  const sizes = { stateSize, actionSize, maxEpisodeLength, modelSize, heads, feedForward };
  checkConfig('decisionTransformer', config, keys, sizes, ['softmax', 'primal']);

  const states = tf.input({ name: 'states', shape: [null, stateSize] });
  const actions = tf.input({ name: 'actions', shape: [null, actionSize] });
  const returnsToGo = tf.input({ name: 'returnsToGo', shape: [null, 1] });
  const timesteps = tf.input({ name: 'timesteps', shape: [null], dtype: 'int32' });
  const mask = tf.input({ name: 'mask', shape: [null] });

  const time = part(
    tf.layers.embedding({
      name: 'embed/timestep',
      inputDim: maxEpisodeLength,
      outputDim: modelSize,
      embeddingsInitializer: initializerConfig(
        new SeededNormal({ seed, stream: 'embed/timestep/embeddings', std: 1 }),
      ),
    }),
  )(timesteps); // [B, K, d]
  const token = (name: string, size: number, of: tf.SymbolicTensor): tf.SymbolicTensor =>
    part(tf.layers.add({ name: `embed/${name}/sum` }))(
      part(dense(`embed/${name}`, size, modelSize, seed))(of),
      time,
    );
  const tokens = part(new Interleave({ name: 'tokens' }))(
    token('return', 1, returnsToGo),
    token('state', stateSize, states),
    token('action', actionSize, actions),
  ); // [B, 3 K, d]
  const tokenMask = part(new Interleave({ name: 'tokens/mask' }))(mask, mask, mask); // [B, 3 K]

  let h = part(new LayerNorm({ name: 'embed/norm' }))(tokens);
  h = part(new StatelessDropout({ name: 'embed/dropout', rate: dropout }))(h);
  const options: Gpt2BlockOptions = {
    modelSize,
    heads,
    feedForward,
    dropout,
    seed,
    rank,
    maskMode,
    maskPrefix,
  };
  attention.forEach((kind, i) => {
    h = gpt2Block(`layer${i}`, kind, options)(h, tokenMask);
  });
  h = part(new LayerNorm({ name: 'norm' }))(h);

  const [ofState, ofAction] = ['state', 'action'].map((name, i) =>
    part(new TakeInterleaved({ name: `tokens/${name}`, count: 3, index: i + 1 }))(h),
  ); // [B, K, d]
  const head = (
    name: string,
    from: tf.SymbolicTensor,
    size: number,
    activation?: 'tanh',
  ): tf.SymbolicTensor => part(dense(`predict/${name}`, modelSize, size, seed, activation))(from);
  return tf.model({
    name: 'decision_transformer',
    inputs: [states, actions, returnsToGo, timesteps, mask],
    outputs: [
      head('action', ofState, actionSize, 'tanh'),
      head('state', ofAction, stateSize),
      head('return', ofAction, 1),
    ],
  });
}

/**
 * mean over real steps t and over the elements of an action of (predicted_t - action_t)^2: the loss of behaviour cloning.
 *
 * Shapes: predicted and actions [B, K, actionSize], mask [B, K] to a scalar; 0 where no step is real.
 *
 * Source: yingyichen-cyy/PrimalAttention, PrimalAttention_RL/decision_transformer/training/seq_trainer.py, which adds
 * eta times `ksvdLoss` with the reduction `sample`, and clips gradients to a global norm of 0.25.
 */
export function actionLoss(predicted: tf.Tensor3D, actions: tf.Tensor3D, mask: tf.Tensor2D): tf.Scalar {
  const [batch, steps, size] = predicted.shape;
  const fits = tf.util.arraysEqual(predicted.shape, actions.shape);
  if (!fits || !tf.util.arraysEqual(mask.shape, [batch, steps])) {
    throw new Error(
      `actionLoss: predicted [${predicted.shape}] needs actions of its shape and a mask [${[batch, steps]}], ` +
        `got actions [${actions.shape}] and mask [${mask.shape}]`,
    );
  }
  return tf.tidy(() => {
    const real = tf.expandDims(tf.cast(mask, 'float32'), 2); // [B, K, 1]
    const sum = tf.sum(tf.mul(tf.squaredDifference(predicted, actions), real));
    return tf.div(sum, tf.maximum(tf.mul(tf.sum(real), size), 1)) as tf.Scalar;
  });
}
