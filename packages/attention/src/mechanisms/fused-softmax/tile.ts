import {
  type MatrixWords,
  matrixDropout,
  matrixWords,
  type RandomKey,
  tileCall,
  tileStorage,
} from '@primal-attention/runtime';
import { isTileSize, type SoftmaxConfig } from '@primal-attention/tile';
import * as tf from '@tensorflow/tfjs';
import { checkShapes } from '../../check.js';
import { mergeHeads, splitHeads } from '../../heads.js';
import { type MaskMode, softmaxAttention } from '../softmax/softmax.js';
import { blockwiseAttention } from './blockwise.js';
import { type SoftmaxTiles, softmaxCandidates } from './launches.js';

/** Options of {@link tileAttention}. */
export interface TileAttentionOptions {
  /** H. */
  heads: number;
  /** [B, N], 1 for a real key and 0 for a padded one. */
  mask?: tf.Tensor2D;
  maskMode: MaskMode;
  causal: boolean;
  /** Dropout on the weights. */
  dropout?: { rate: number; key: RandomKey };
  /** Launches that are not to be measured. */
  tiles?: SoftmaxTiles;
  /** The number of keys of a block, where the blockwise form runs. */
  blockLength: number;
}

/**
 * o_i = sum_j drop(softmax_j(q_i . k_j / sqrt(p))) v_j of each head, by kernels of our own for the output and for the gradient,
 * which compute the weights anew: of no N x N matrix anything is kept.
 *
 * Shapes: q, k, v [B, N, H p], heads side by side, to [B, N, H p]. The function, and each weight that dropout takes, are those
 * of `softmaxAttention` with `matrixDropout`. Where the kernels cannot run, it is computed in another way: by blocks where that is
 * the same function, else, with dropout or another mask than `exact`, with all weights at once.
 */
export function tileAttention(
  q: tf.Tensor3D,
  k: tf.Tensor3D,
  v: tf.Tensor3D,
  { heads, mask, maskMode, causal, dropout, tiles, blockLength }: TileAttentionOptions,
): tf.Tensor3D {
  checkShapes('tileAttention', {
    q: [q, 'B N d'],
    k: [k, 'B N d'],
    v: [v, 'B N d'],
    ...(mask && { mask: [mask, 'B N'] }),
  });
  const [batch, length, features] = q.shape;
  const headSize = features / heads;
  const rate = dropout?.rate ?? 0;
  const maskKeys = mask !== undefined;
  return tf.tidy(() => {
    // A penalty that all keys of a sample have changes nothing; one that some have takes all weight from them.
    const isExact = mask !== undefined && maskMode === 'additive' && !causal;
    const seen = isExact ? tf.maximum(mask, tf.sub(1, tf.max(mask, 1, true))) : mask;
    // The kernels have all these operands, and read them where they were asked to.
    const { rows, columns } =
      dropout === undefined
        ? { rows: tf.zeros([heads, batch, length], 'int32'), columns: tf.zeros([length], 'int32') }
        : matrixWords(dropout.key, [heads, batch, length, length]);
    const inputs = [q, k, v, seen ?? tf.zeros([batch, length]), rows, columns];
    const of = { heads, maskKeys, maskMode: isExact ? ('exact' as const) : maskMode, causal, rate };
    const form: PlainForm = { ...of, blockLength };
    const dtype = tileStorage();
    if (dtype === undefined || !isTileSize(headSize)) return plainAttention(form, ...inputs);
    const config: SoftmaxConfig = { ...of, batch, length, headSize, dtype };
    const [output] = tileCall(softmaxCandidates('attention', config, tiles?.attention), inputs, {
      plain: (...inputs) => [plainAttention(form, ...inputs)],
      finish: ([o]) => [o],
      gradient: ({ dys: [dy], inputs, results: [o, most, total], plain }) => {
        const known = [...inputs, most, total];
        const zeros = (): tf.Tensor => tf.zeros(q.shape);
        const [dq, inner] = tileCall(
          softmaxCandidates('queryGradient', config, tiles?.queryGradient),
          [...known, o, dy as tf.Tensor],
          { plain: () => [plain()[0] ?? zeros(), innerProducts(dy as tf.Tensor, o, heads, rate)] },
        );
        const [dk, dv] = tileCall(
          softmaxCandidates('keyGradient', config, tiles?.keyGradient),
          [...known, dy as tf.Tensor, inner],
          {
            plain: () => {
              const [, dk, dv] = plain();
              return [dk ?? zeros(), dv ?? zeros()];
            },
          },
        );
        return [dq, dk, dv, null, null, null];
      },
    });
    return output as tf.Tensor3D;
  });
}

/** (1 - rate) sum_f dy_if o_if of each head: [B, N, H p] to [B, H, N]. */
function innerProducts(dy: tf.Tensor, o: tf.Tensor, heads: number, rate: number): tf.Tensor {
  const [batch, length, features] = o.shape;
  const products = tf.reshape(tf.mul(dy, o), [batch, length, heads, features / heads]); // [B, N, H, p]
  return tf.mul(tf.transpose(tf.sum(products, 3), [0, 2, 1]), 1 - rate); // [B, H, N]
}

interface PlainForm {
  heads: number;
  maskKeys: boolean;
  maskMode: MaskMode;
  causal: boolean;
  rate: number;
  blockLength: number;
}

/** The same from operations of tfjs. @param inputs q, k, v, mask and words for dropout, as the kernels have them */
function plainAttention(
  { heads, maskKeys, maskMode, causal, rate, blockLength }: PlainForm,
  ...inputs: tf.Tensor[]
): tf.Tensor3D {
  const [q, k, v] = inputs.slice(0, 3).map((x) => splitHeads(x as tf.Tensor3D, heads)); // [H, B, N, p]
  const mask = maskKeys ? (inputs[3] as tf.Tensor2D) : undefined;
  const isExact = maskMode === 'exact' || !(maskKeys || (causal && maskMode === 'gpt2'));
  if (rate === 0 && isExact) return mergeHeads(blockwiseAttention(q, k, v, { mask, causal, blockLength }));
  const words: MatrixWords = { rows: inputs[4], columns: inputs[5] };
  const drop = (weights: tf.Tensor4D): tf.Tensor4D => matrixDropout(weights, rate, words);
  const transformWeights = rate === 0 ? undefined : drop;
  return mergeHeads(softmaxAttention(q, k, v, { mask, maskMode, causal, transformWeights }).output);
}
