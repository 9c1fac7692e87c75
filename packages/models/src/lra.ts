import {
  initializerConfig,
  LinformerAttention,
  type MaskMode,
  PrimalAttention,
  SeededNormal,
} from '@primal-attention/attention';
import type { DropoutDraw } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import {
  type AttentionKind,
  type AttentionOptions,
  checkConfig,
  type OwnMechanism,
  type TransformerConfig,
  transformerKeys,
} from './config.js';
import { checkKernelOptions, type KernelOptions } from './kernels/launches.js';
import { EmbeddingBlock } from './layers/embedding-block.js';
import { FeedForwardBlock } from './layers/feed-forward-block.js';
import type { KernelBlock } from './layers/kernel-block.js';
import { LayerNorm } from './layers/layer-norm.js';
import { LearnedPositions } from './layers/learned-positions.js';
import { MeanTokens, NonZeroMask } from './layers/masks.js';
import { MeanBlock } from './layers/mean-block.js';
import { PairFeatures } from './layers/pair-features.js';
import { PrimalBlock } from './layers/primal-block.js';
import { StatelessDropout } from './layers/stateless-dropout.js';
import { attentionLayer, dense, type Part, part } from './parts.js';

export interface LraClassifierConfig extends TransformerConfig {
  /** Token ids are 0 .. vocabulary - 1; 0 is padding. */
  vocabulary: number;
  /** N. */
  maxLength: number;
  classes: number;
  /** Classifies pairs of documents, which share one encoder (the retrieval task). Default false. */
  dual?: boolean;
  /** The trace of the KSVD objective; see `PrimalAttention`. Default `weights`, as in all published runs. */
  trace?: 'weights' | 'projections';
  /** How padded keys leave softmax attention. Default `additive`, as in the official code. */
  maskMode?: MaskMode;
  /** Keeps padded rows out of f(X). Default false, as in the official code. */
  maskLandmarks?: boolean;
  /**
   * How dropout draws its masks, that of softmax attention too, as of `dropout` of the runtime: `products` costs a kernel a
   * twentieth of `elements`. Default `elements`; kernels of softmax attention draw `products` in any case.
   */
  dropoutDraw?: DropoutDraw;
  /**
   * Computes each layer's feed-forward part, its Primal-Attention where the options allow, and the mean over positions by GPU
   * kernels: on `xla` with an NVIDIA GPU, inside `autocast('bf16')` or where products may be TF32. Elsewhere the numbers are those
   * without it, to the bit. An object says how they are launched. Default false.
   */
  kernels?: boolean | KernelOptions;
}

const keys = [
  ...transformerKeys,
  'vocabulary',
  'maxLength',
  'classes',
  'dual',
  'trace',
  'maskMode',
  'maskLandmarks',
  'dropoutDraw',
  'kernels',
];

/**
 * The paper's Long Range Arena classifier (table 3): token and position embeddings, pre-norm transformer layers, the mean
 * over positions, and a two-layer head.
 *
 *     h = tokens(id) + positions
 *     each layer:  h += attention(LN(h)),  h += W_2 gelu(W_1 LN(h))
 *     u = 1/N sum_i mask_i LN(h)_i,  logits = V_2 relu(V_1 u)
 *
 * Input `ids` [B, maxLength], int32, output logits [B, classes]. With `dual`, inputs `ids0` and `ids1` go through the same
 * encoder, and the head sees [u_0, u_1, u_0 u_1, u_0 - u_1]. Defaults are the paper's: d 64, 2 heads, feed-forward and head
 * 128, dropout 0.1 (after the embeddings, on both branches, inside the feed-forward part, and on softmax weights),
 * n = rank * rankMultiplier, which is not clipped by N.
 *
 * Linformer layers share one E, as in the official code; a model with several cannot be written to a file, unless
 * `mechanismOptions` gives each its own (`{ linformer: { projectionOf: undefined } }`).
 *
 * How it differs from what one might expect, with the official code: mask = (id != 0), so that a black pixel of the image
 * tasks counts as padding; the mean divides by N, not by the number of real tokens; Primal layers sample padded rows (mend
 * that with `maskLandmarks`). Embeddings start as N(0, 0.02^2), linear maps as torch's.
 *
 * Fused softmax by cuDNN's kernel (`{ 'fused-softmax': { kernel: 'cudnn', dropout: 0 } }`) takes no mask, and so gets none: real
 * tokens see the padded ones. It is a baseline for times and memory, not for accuracies. By kernels of our own
 * (`{ 'fused-softmax': { kernel: 'tile' } }`) it is Trans. itself, with `maskMode` and with dropout as
 * `{ softmax: { dropoutDraw: 'products' } }` draws it.
 *
 * Source: yingyichen-cyy/PrimalAttention, PrimalAttention_LRA/{PrimalFormer,Primal.+Trans.}/model.py and model_wrapper.py.
 */
export function lraClassifier(config: LraClassifierConfig): tf.LayersModel {
  const { vocabulary, maxLength, classes, dual = false } = config;
  const {
    modelSize = 64,
    heads = 2,
    feedForward = 128,
    dropout = 0.1,
    seed = 0,
    rankMultiplier = 10,
  } = config;
  const sizes = { vocabulary, maxLength, classes, modelSize, heads, feedForward, rankMultiplier };
  checkConfig('lraClassifier', config, keys, sizes);
  const kernels = checkKernelOptions('lraClassifier', config.kernels ?? false);
  const encode = encoder({
    ...config,
    modelSize,
    heads,
    feedForward,
    dropout,
    seed,
    rankMultiplier,
    kernels,
  });
  const documents = (dual ? ['ids0', 'ids1'] : ['ids']).map((name) =>
    tf.input({ name, shape: [maxLength], dtype: 'int32' }),
  );
  const encoded = documents.map((ids) => encode(ids));
  const features = dual ? part(new PairFeatures({ name: 'pair' }))(...encoded) : encoded[0];
  const size = dual ? 4 * modelSize : modelSize;
  const hidden = part(dense('classifier/hidden', size, feedForward, seed, 'relu'))(features);
  const logits = part(dense('classifier/output', feedForward, classes, seed))(hidden);
  return tf.model({ name: 'lra_classifier', inputs: documents, outputs: logits });
}

type FullConfig = LraClassifierConfig &
  Required<
    Pick<LraClassifierConfig, 'modelSize' | 'heads' | 'feedForward' | 'dropout' | 'seed' | 'rankMultiplier'>
  > & { kernels: KernelOptions | undefined };

/** The encoder's layers, made once: each call of the result puts another document through them. */
function encoder(config: FullConfig): Part {
  const { vocabulary, maxLength, modelSize, dropout, dropoutDraw: draw, seed } = config;
  const tokens = part(
    tf.layers.embedding({
      name: 'tokens',
      inputDim: vocabulary,
      outputDim: modelSize,
      embeddingsInitializer: initializerConfig(
        new SeededNormal({ seed, stream: 'tokens/embeddings', std: 0.02 }),
      ),
    }),
  );
  const positions = part(
    new LearnedPositions({ name: 'positions', maxLength, distribution: 'normal', seed }),
  );
  const drop = part(new StatelessDropout({ name: 'positions/dropout', rate: dropout, draw }));
  const embed = kernelBlock(
    EmbeddingBlock,
    'embeddings',
    (ids) => drop(positions(tokens(ids))),
    [[maxLength]],
    config.kernels,
    'int32',
  );
  const nonZero = part(new NonZeroMask({ name: 'mask' }));
  const made: tf.layers.Layer[] = [];
  const blocks = config.attention.map((kind, i) => block(`layer${i}`, kind, config, made));
  const norm = part(new LayerNorm({ name: 'norm' }));
  const mean = part(new MeanTokens({ name: 'mean' }));
  const meanOfNorm: Part = (h, mask) => mean(norm(h), mask);
  const shapes = [[maxLength, modelSize], [maxLength]];
  const meanBlock = kernelBlock(MeanBlock, 'mean/norm', meanOfNorm, shapes, config.kernels);
  return (ids) => {
    const mask = nonZero(ids); // [B, N]
    let h = embed(ids); // [B, N, d]
    for (const next of blocks) h = next(h, mask);
    return meanBlock(h, mask); // [B, d]
  };
}

/**
 * One pre-norm layer: [h, mask] to h.
 *
 * @param made the attention layers of the blocks so far; this one's is added
 */
function block(
  name: string,
  kind: AttentionKind | OwnMechanism,
  config: FullConfig,
  made: tf.layers.Layer[],
): Part {
  const { maxLength, modelSize, feedForward, dropout, dropoutDraw: draw, seed, rank, kernels } = config;
  const options: AttentionOptions = {
    heads: config.heads,
    rank,
    rankMultiplier: config.rankMultiplier,
    dropout,
    seed,
    trace: config.trace,
    maskMode: config.maskMode ?? 'additive',
    maskLandmarks: config.maskLandmarks,
    mechanismOptions: {
      ...config.mechanismOptions,
      ...(draw && { softmax: { dropoutDraw: draw, ...config.mechanismOptions?.softmax } }),
    },
  };
  // The official code has one E for all its Linformer layers.
  const projectionOf = made.find((layer) => layer instanceof LinformerAttention);
  if (kind === 'linformer' && projectionOf !== undefined) {
    const { linformer } = config.mechanismOptions ?? {};
    options.mechanismOptions = { ...config.mechanismOptions, linformer: { projectionOf, ...linformer } };
  }
  const layer = attentionLayer(`${name}/attention`, kind, options);
  made.push(layer);
  const drop = (of: string) => part(new StatelessDropout({ name: `${name}/${of}`, rate: dropout, draw }));
  const norm1 = part(new LayerNorm({ name: `${name}/norm1` }));
  const attention = part(layer);
  const masked = !(kind === 'fused-softmax' && config.mechanismOptions?.[kind]?.kernel === 'cudnn');
  const dropAttention = drop('attention/dropout');
  const sum1 = part(tf.layers.add({ name: `${name}/sum1` }));
  const norm2 = part(new LayerNorm({ name: `${name}/norm2` }));
  const hidden = part(dense(`${name}/feedforward/hidden`, modelSize, feedForward, seed, 'gelu'));
  const dropHidden = drop('feedforward/hidden/dropout');
  const output = part(dense(`${name}/feedforward/output`, feedForward, modelSize, seed));
  const dropOutput = drop('feedforward/dropout');
  const sum2 = part(tf.layers.add({ name: `${name}/sum2` }));
  const attend: Part = (h, mask) => {
    const x = norm1(h);
    return sum1(h, dropAttention(masked ? attention(x, mask) : attention(x)));
  };
  const feed: Part = (h) => sum2(h, dropOutput(output(dropHidden(hidden(norm2(h))))));
  const tokens = [maxLength, modelSize];
  const blockOf = layer instanceof PrimalAttention ? PrimalBlock : undefined;
  const attendBlock = kernelBlock(blockOf, `${name}/primal`, attend, [tokens, [maxLength]], kernels);
  const feedBlock = kernelBlock(FeedForwardBlock, `${name}/feedforward`, feed, [tokens], kernels);
  return (h, mask) => feedBlock(attendBlock(h, mask));
}

/**
 * The part as one layer that kernels can compute; the part itself where there is none, or kernels are not asked for.
 *
 * @param shapes of its inputs, without the batch
 */
function kernelBlock(
  Block: (new (args: ConstructorParameters<typeof tf.LayersModel>[0]) => KernelBlock) | undefined,
  name: string,
  of: Part,
  shapes: readonly number[][],
  kernels: KernelOptions | undefined,
  dtype: 'float32' | 'int32' = 'float32',
): Part {
  if (Block === undefined || kernels === undefined) return of;
  const inputs = shapes.map((shape, i) => tf.input({ name: `${name}/input${i}`, shape, dtype }));
  const block = new Block({ name, inputs, outputs: of(...inputs) });
  block.kernels = kernels;
  return part(block);
}
