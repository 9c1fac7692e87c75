import * as tf from '@tensorflow/tfjs';
import { checkConfig, type TransformerConfig, transformerKeys } from './config.js';
import { LayerNorm } from './layers/layer-norm.js';
import { LearnedPositions } from './layers/learned-positions.js';
import { MaskTokens } from './layers/masks.js';
import { StatelessDropout } from './layers/stateless-dropout.js';
import { attentionLayer, dense, part } from './parts.js';

export interface UeaClassifierConfig extends TransformerConfig {
  /** Channels of the series. */
  features: number;
  /** Time steps; shorter series are padded to it. */
  maxLength: number;
  classes: number;
}

const keys = [...transformerKeys, 'features', 'maxLength', 'classes'];

/**
 * The paper's classifier of multivariate time series (table 1): a linear embedding with learned positions, post-norm
 * transformer layers, GELU, and one linear map of all time steps at once.
 *
 *     h = sqrt(d) W x + positions
 *     each layer:  a = LN(h + attention(h)),  h = LN(a + W_2 gelu(W_1 a))
 *     logits = W_out flatten(mask * gelu(LN(h)))
 *
 * Inputs `x` [B, maxLength, features] and `mask` [B, maxLength], 1 for a time step and 0 for padding; output logits
 * [B, classes]. Defaults are the paper's: d 512, 8 heads, feed-forward 2048, dropout 0.1 (after positions, on both branches,
 * inside the feed-forward part, before the last map, and on softmax weights), n = min(maxLength, rank * rankMultiplier).
 *
 * How it differs from what one might expect, with the official code: attention gets no padding mask, softmax neither;
 * the mask acts on the final features alone. Positions start as U(-0.02, 0.02), linear maps as torch's.
 *
 * Source: yingyichen-cyy/PrimalAttention, PrimalAttention_TimeSeries/{PrimalFormer,Primal.+Trans.}/models.
 */
export function ueaClassifier(config: UeaClassifierConfig): tf.LayersModel {
  const { features, maxLength, classes, attention, rank, rankMultiplier = 10 } = config;
  const { modelSize = 512, heads = 8, feedForward = 2048, dropout = 0.1, seed = 0 } = config;
  const sizes = { features, maxLength, classes, modelSize, heads, feedForward, rankMultiplier };
  checkConfig('ueaClassifier', config, keys, sizes);
  const drop = (name: string) => part(new StatelessDropout({ name, rate: dropout }));
  const norm = (name: string) => part(new LayerNorm({ name }));
  const sum = (name: string) => part(tf.layers.add({ name }));

  const x = tf.input({ name: 'x', shape: [maxLength, features] });
  const mask = tf.input({ name: 'mask', shape: [maxLength] });
  const positions = new LearnedPositions({
    name: 'positions',
    maxLength,
    scale: Math.sqrt(modelSize),
    distribution: 'uniform',
    seed,
  });
  let h = part(dense('project', features, modelSize, seed))(x); // [B, N, d]
  h = drop('positions/dropout')(part(positions)(h));
  attention.forEach((kind, i) => {
    const name = `layer${i}`;
    const { mechanismOptions } = config;
    const options = { heads, rank, rankMultiplier, maxLength, dropout, seed, mechanismOptions };
    const attended = part(attentionLayer(`${name}/attention`, kind, options))(h);
    h = norm(`${name}/norm1`)(sum(`${name}/sum1`)(h, drop(`${name}/attention/dropout`)(attended)));
    const hidden = part(dense(`${name}/feedforward/hidden`, modelSize, feedForward, seed, 'gelu'))(h); // [B, N, 4 d]
    const output = part(dense(`${name}/feedforward/output`, feedForward, modelSize, seed))(
      drop(`${name}/feedforward/hidden/dropout`)(hidden),
    );
    h = norm(`${name}/norm2`)(sum(`${name}/sum2`)(h, drop(`${name}/feedforward/dropout`)(output)));
  });
  h = norm('norm')(h);
  h = drop('features/dropout')(part(tf.layers.activation({ name: 'features', activation: 'gelu' }))(h));
  h = part(new MaskTokens({ name: 'features/mask' }))(h, mask);
  const flat = part(tf.layers.flatten({ name: 'features/flat' }))(h); // [B, N d]
  const logits = part(dense('classifier', maxLength * modelSize, classes, seed))(flat);
  return tf.model({ name: 'uea_classifier', inputs: [x, mask], outputs: logits });
}
