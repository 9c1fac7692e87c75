import type { RealArray } from './array.js';
import { type PrimalFeatures, primalSingularValues } from './primal-spectrum.js';
import { singularValues } from './singular-values.js';

/** Options of the spectra. */
export interface SpectrumOptions {
  /** Accumulate sigma^2 (explained variance) instead of sigma. Default: false, the quantity on the axis of the paper's figure 1. */
  squares?: boolean;
}

/**
 * c_m = sum_{i <= m} sigma_i / sum_i sigma_i, the normalised cumulative singular values; c[0] belongs to m = 1, the last entry is 1.
 *
 * @param values [n], singular values in descending order
 * @returns [n]
 * @throws if there are no values, if one is negative or not finite, if they are not descending, or if all are 0
 */
export function cumulativeSpectrum(values: ArrayLike<number>, options: SpectrumOptions = {}): Float64Array {
  if (values.length === 0) throw new Error('cumulativeSpectrum: there are no singular values');
  const curve = new Float64Array(values.length);
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    if (!(values[i] >= 0 && values[i] < Number.POSITIVE_INFINITY) || values[i] > values[i - 1]) {
      throw new Error(
        `cumulativeSpectrum: values[${i}] is ${values[i]}, expected finite singular values from 0 on in descending order`,
      );
    }
    sum += options.squares ? values[i] ** 2 : values[i];
    curve[i] = sum;
  }
  if (sum === 0)
    throw new Error(
      'cumulativeSpectrum: all singular values are 0, a zero matrix has no spectrum to normalise',
    );
  return curve.map((partial) => partial / sum);
}

/**
 * The spectrum of an explicit attention matrix, such as softmax(Q K^T / sqrt(p)) of one head and one sample.
 *
 * Source: the recipe behind figure 1 of the paper (singular values of the attention matrix, cumulated and normalised).
 *
 * @param attention [tokens, tokens], row-major
 * @returns [tokens], see `cumulativeSpectrum`
 */
export function attentionSpectrum(
  attention: RealArray,
  tokens: number,
  options: SpectrumOptions = {},
): Float64Array {
  return cumulativeSpectrum(singularValues(attention, tokens, tokens), options);
}

/**
 * The spectrum of a Primal layer's implied attention matrix, one head and one sample: of phi_Q F^T F phi_K^T with `landmarks`, of
 * phi_Q phi_K^T without. See `primalSingularValues`.
 *
 * @returns [tokens], see `cumulativeSpectrum`
 */
export function primalSpectrum(layer: PrimalFeatures, options: SpectrumOptions = {}): Float64Array {
  return cumulativeSpectrum(primalSingularValues(layer), options);
}

/**
 * The smallest m with c_m >= fraction: how many singular directions carry that part of the spectrum.
 *
 * @param curve [n], from `cumulativeSpectrum`
 * @param fraction above 0, at most 1
 */
export function componentsFor(curve: ArrayLike<number>, fraction: number): number {
  if (!(fraction > 0 && fraction <= 1)) {
    throw new Error(`componentsFor: fraction must be above 0 and at most 1, got ${fraction}`);
  }
  for (let i = 0; i < curve.length; i++) if (curve[i] >= fraction) return i + 1;
  throw new Error(`componentsFor: the curve of ${curve.length} points never reaches ${fraction}`);
}

/** Point by point over several curves. */
export interface CurveStatistics {
  mean: Float64Array;
  std: Float64Array;
}

/**
 * mean_m = (1/n) sum_j c_jm and std_m = sqrt((1/n) sum_j (c_jm - mean_m)^2), point by point (ddof = 0).
 *
 * For figure 1: first over samples and heads to one curve per layer, then over the layers of a group.
 *
 * @param curves n curves of one length
 * @throws if there are no curves or if their lengths differ
 */
export function averageCurves(curves: readonly ArrayLike<number>[]): CurveStatistics {
  if (curves.length === 0) throw new Error('averageCurves: there are no curves');
  const points = curves[0].length;
  const mean = new Float64Array(points);
  const variance = new Float64Array(points);
  for (const [index, curve] of curves.entries()) {
    if (curve.length !== points) {
      throw new Error(`averageCurves: curve ${index} has ${curve.length} points, curve 0 has ${points}`);
    }
    for (let i = 0; i < points; i++) mean[i] += curve[i] / curves.length;
  }
  for (const curve of curves) {
    for (let i = 0; i < points; i++) variance[i] += (curve[i] - mean[i]) ** 2 / curves.length;
  }
  return { mean, std: variance.map(Math.sqrt) };
}
