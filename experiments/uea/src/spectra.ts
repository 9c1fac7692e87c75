import { onScores, PrimalAttention, type SoftmaxAttention } from '@primal-attention/attention';
import {
  attentionSpectrum,
  averageCurves,
  cumulativeSpectrum,
  primalSingularValues,
} from '@primal-attention/metrics';
import * as tf from '@tensorflow/tfjs';

/** Normalised cumulative singular values of one layer's attention matrices: mean and deviation over samples and heads. */
export interface LayerSpectrum {
  /** Position of the layer, from 0. */
  readonly layer: number;
  /**
   * Which matrix: `softmax`: softmax(Q K^T / sqrt p); `primal`: phi_Q F^T F phi_K^T, the kernel matrix of theorem 3.2;
   * `primal f=I`: phi_Q phi_K^T. The paper does not say which of the last two its Figure 1 shows.
   */
  readonly matrix: 'softmax' | 'primal' | 'primal f=I';
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * c_m = sum_{i <= m} sigma_i / sum_i sigma_i of each attention layer (the quantity of Figure 1), on `inputs`.
 *
 * A Primal matrix has rank p at most by its construction, so its curve is not like for like with softmax's.
 */
export function layerSpectra(
  layers: readonly (PrimalAttention | SoftmaxAttention)[],
  forward: () => tf.Tensor,
): LayerSpectrum[] {
  const found: LayerSpectrum[] = [];
  const subscriptions = layers.map((layer, index) =>
    layer instanceof PrimalAttention
      ? onScores(layer, (event) => {
          const [queries, keys, landmarks] = [event.queries, event.keys, event.landmarks].map(matrices);
          const curves = queries.map((q, i) => ({
            primal: cumulativeSpectrum(
              primalSingularValues({
                queries: q.values,
                keys: keys[i].values,
                tokens: q.rows,
                features: q.columns,
                landmarks: landmarks[i].values,
              }),
            ),
            plain: cumulativeSpectrum(
              primalSingularValues({
                queries: q.values,
                keys: keys[i].values,
                tokens: q.rows,
                features: q.columns,
              }),
            ),
          }));
          found.push(
            average(
              index,
              'primal',
              curves.map(({ primal }) => primal),
            ),
          );
          found.push(
            average(
              index,
              'primal f=I',
              curves.map(({ plain }) => plain),
            ),
          );
        })
      : onScores(layer, (event) => {
          const curves = matrices(event.weights).map(({ values, rows }) => attentionSpectrum(values, rows));
          found.push(average(index, 'softmax', curves));
        }),
  );
  try {
    tf.dispose(forward());
  } finally {
    for (const end of subscriptions) end();
  }
  return found;
}

function average(layer: number, matrix: LayerSpectrum['matrix'], curves: Float64Array[]): LayerSpectrum {
  const { mean, std } = averageCurves(curves);
  return { layer, matrix, mean: rounded(mean), std: rounded(std) };
}

/** Six digits are more than a figure shows, and keep a result file readable. */
function rounded(values: Float64Array): number[] {
  return [...values].map((value) => Number(value.toFixed(6)));
}

/** The matrices of a [B, H, rows, columns] tensor, one after the other. */
function matrices(tensor: tf.Tensor4D): { values: Float32Array; rows: number; columns: number }[] {
  const [batch, heads, rows, columns] = tensor.shape;
  const values = tensor.dataSync() as Float32Array;
  const size = rows * columns;
  return Array.from({ length: batch * heads }, (_, i) => ({
    values: values.subarray(i * size, (i + 1) * size),
    rows,
    columns,
  }));
}
