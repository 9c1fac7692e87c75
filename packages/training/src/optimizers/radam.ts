import * as tf from '@tensorflow/tfjs';
import { averageLength, maximalLength, oneMinusPower } from './decay.js';
import { MomentOptimizer, type UpdateRule } from './moment-optimizer.js';

/**
 * Rectified Adam: momentum steps until the second moment has seen enough, then Adam's with a variance correction.
 *
 *     N_max = 2/(1 - beta2) - 1,   N = N_max - 2 t beta2^t / (1 - beta2^t)
 *     N < 5:  x <- x - lr m / (1 - beta1^t)
 *     N >= 5: x <- x - lr r m / ((1 - beta1^t) (sqrt(v) + eps)),
 *             r^2 = (1 - beta2^t) (N - 4)/(N_max - 4) (N - 2)/N  N_max/(N_max - 2)
 *
 * after the decoupled decay x <- x (1 - lr weightDecay). With beta2 = 0.999 the steps 1 to 5 are momentum steps.
 *
 * Source: Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond" (ICLR 2020), in the form that the
 * official Primal-Attention code uses for UEA (PrimalAttention_TimeSeries, optimizers.py). How that differs from the
 * paper of RAdam: the threshold is N >= 5, not N > 4; the first phase keeps its bias correction of m; v has no bias
 * correction of its own beside the factor in r, so that eps is added to the uncorrected sqrt(v).
 */
export class RAdam extends MomentOptimizer {
  /** @nocollapse */
  static get className(): string {
    return 'RAdam';
  }

  protected override rule(step: tf.Scalar): UpdateRule {
    const decay2 = this.decay2 as tf.Tensor as tf.Scalar;
    const limit = maximalLength(decay2);
    const length = averageLength(decay2, step);
    const rectified = tf.greaterEqual(length, 5);
    // Clamped so that the branch that is not taken has no square root of a negative number.
    const safe = tf.maximum(length, 5);
    const square = [
      oneMinusPower(decay2, step),
      tf.div(tf.sub(safe, 4), tf.sub(limit, 4)),
      tf.div(tf.sub(safe, 2), safe),
      tf.div(limit, tf.sub(limit, 2)),
    ].reduce((product, factor) => tf.mul(product, factor));
    const correction = tf.where(rectified, tf.sqrt(tf.relu(square)), tf.onesLike(square));
    const unbiased = tf.div(this.rate, oneMinusPower(this.decay1 as tf.Tensor as tf.Scalar, step));
    // The denominator is sqrt(v) + eps, or 1.
    const on = tf.cast(rectified, 'float32');
    return {
      stepSize: tf.mul(unbiased, correction),
      rootScale: on,
      offset: tf.add(tf.mul(on, this.epsilon), tf.sub(1, on)),
    };
  }
}
