import * as tf from '@tensorflow/tfjs';

/*
 * The powers that Adam-like optimizers need, from a decay rate beta held as L = -ln(beta).
 *
 * Near 1 a float32 beta is useless: 1 - 0.999 is wrong by 1.3e-5, and N_sma of RAdam, a difference of two numbers near
 * 2000, by far more. L has full relative accuracy, and with T = tanh(t L / 2) nothing cancels:
 *
 *     1 - beta^t                 = 2 T / (1 + T)
 *     2 t beta^t / (1 - beta^t)  = t (1/T - 1)
 *
 * tanh is a kernel of every backend, and accurate for small arguments on all of them; expm1 and log1p are not.
 */

/** L = -ln(beta) on the host, in double precision; infinite for beta = 0, which every formula here takes. */
export function decayOf(beta: number): number {
  return -Math.log(beta);
}

/** 1 - beta^t. `decay` is L; `step` is t, a float32 scalar above 0. */
export function oneMinusPower(decay: tf.Scalar, step: tf.Scalar): tf.Scalar {
  const tanh = tf.tanh(tf.mul(tf.mul(decay, step), 0.5));
  return tf.div(tf.mul(tanh, 2), tf.add(tanh, 1)) as tf.Scalar;
}

/** N_max = 2 / (1 - beta) - 1 = 1 / tanh(L / 2), the length that N_sma tends to. */
export function maximalLength(decay: tf.Scalar): tf.Scalar {
  return tf.reciprocal(tf.tanh(tf.mul(decay, 0.5))) as tf.Scalar;
}

/**
 * N_sma(t) = N_max - 2 t beta^t / (1 - beta^t), the length of the simple moving average that the exponential one
 * stands for at step t (RAdam). `decay` is L; `step` is t, a float32 scalar above 0.
 *
 * For small y = t L / 2 the difference is taken by hand. With h(y) = coth(y) - 1/y = y/3 - y^3/45 + 2 y^5/945 - …
 *
 *     N_sma(t) = t + h(L/2) - t h(t L/2)
 *
 * Five terms are exact to 1e-9 up to y = 1/2; above, the plain formula loses nothing.
 */
export function averageLength(decay: tf.Scalar, step: tf.Scalar): tf.Scalar {
  const half = tf.mul(decay, 0.5);
  const y = tf.mul(half, step);
  const early = tf.add(step, tf.sub(cothRemainder(half), tf.mul(step, cothRemainder(y))));
  const late = tf.sub(maximalLength(decay), tf.mul(step, tf.sub(tf.reciprocal(tf.tanh(y)), 1)));
  return tf.where(tf.less(y, 0.5), early, late) as tf.Scalar;
}

/** h(y) = coth(y) - 1/y for y up to 1/2, by its series. */
function cothRemainder(y: tf.Tensor): tf.Tensor {
  const square = tf.square(y);
  let sum: tf.Tensor = tf.scalar(2 / 93555);
  for (const coefficient of [-1 / 4725, 2 / 945, -1 / 45, 1 / 3])
    sum = tf.add(tf.mul(sum, square), coefficient);
  return tf.mul(sum, y);
}
