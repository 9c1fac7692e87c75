import * as tf from '@tensorflow/tfjs';
import { oneMinusPower } from './decay.js';
import { MomentOptimizer, type UpdateRule } from './moment-optimizer.js';

/**
 * Adam with decoupled weight decay; with weightDecay 0 it is Adam.
 *
 *     x <- x (1 - lr weightDecay)
 *     x <- x - lr / (1 - beta1^t)  m / (sqrt(v / (1 - beta2^t)) + eps)
 *
 * beta1^t is the power of the *current* beta1, as in PyTorch, also when a schedule moves beta1 (OneCycle), and not the
 * product of the values so far.
 *
 * Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (ICLR 2019); torch.optim.AdamW.
 */
export class AdamW extends MomentOptimizer {
  /** @nocollapse */
  static get className(): string {
    return 'AdamW';
  }

  protected override rule(step: tf.Scalar): UpdateRule {
    const bias1 = oneMinusPower(this.decay1 as tf.Tensor as tf.Scalar, step);
    const bias2 = oneMinusPower(this.decay2 as tf.Tensor as tf.Scalar, step);
    return {
      stepSize: tf.div(this.rate, bias1),
      rootScale: tf.rsqrt(bias2),
      offset: tf.scalar(this.epsilon),
    };
  }
}
