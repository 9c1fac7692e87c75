import * as tf from '@tensorflow/tfjs';
import { hasKernel, runListKernel } from './backend-kernel.js';

/**
 * What a backend may offer, as tfjs kernels. There is no version for other backends here: who needs one brings it.
 *
 * | kernel | inputs | attributes | outputs |
 * |---|---|---|---|
 * | FusedAttention | q [B, M, H, p]; k, v [B, N, H, p] | scale | output [B, M, H, p]; statistics, int32, for the gradient |
 * | FusedAttentionGradient | q, k, v, statistics, output, and its gradient dy | scale | gradients in q, k and v |
 */
const kernels = { forward: 'FusedAttention', gradient: 'FusedAttentionGradient' } as const;

/** Whether {@link fusedAttention} can be called: on `xla` with an NVIDIA GPU. */
export function hasFusedAttention(): boolean {
  return hasKernel(kernels.forward);
}

/** @throws Error that names a size of heads, p, for which there is no kernel */
export function checkFusedAttentionSize(caller: string, headSize: number): void {
  if (headSize % 8 !== 0 || headSize > 128) {
    throw new Error(
      `${caller}: fused attention needs heads of 8, 16, .. 128 features, got ${headSize}; choose another number of heads`,
    );
  }
}

/**
 * o_i = sum_j softmax_j(q_i . k_j / sqrt(p)) v_j by one kernel of the device's library (cuDNN), which forms no M x N matrix.
 *
 * Shapes: q [B, M, H, p], k and v [B, N, H, p] to [B, M, H, p]. There is no mask and no dropout. Numbers go in and come out
 * with the 8 significant bits of bf16, gradients too. p is a multiple of 8 up to 128.
 *
 * @throws Error where {@link hasFusedAttention} is false, or the shapes do not fit
 */
export function fusedAttention(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D): tf.Tensor4D {
  const [batch, , heads, size] = q.shape;
  const fits = [batch, k.shape[1], heads, size];
  if (!tf.util.arraysEqual(k.shape, fits) || !tf.util.arraysEqual(v.shape, fits)) {
    throw new Error(
      `fusedAttention: q [${q.shape}] needs k and v [${batch}, N, ${heads}, ${size}], got [${k.shape}] and [${v.shape}]`,
    );
  }
  checkFusedAttentionSize('fusedAttention', size);
  if (!hasFusedAttention()) {
    throw new Error(
      `fusedAttention: backend '${tf.getBackend()}' has no such kernel on this device; ask hasFusedAttention first`,
    );
  }
  const attributes = { scale: 1 / Math.sqrt(size) };
  const attend = tf.customGrad((...args) => {
    const [q, k, v, save] = args as unknown as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    const [output, statistics] = runListKernel(kernels.forward, { q, k, v }, attributes);
    save([q, k, v, statistics, output]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] => {
      const [q, k, v, statistics, output] = saved;
      return runListKernel(kernels.gradient, { q, k, v, statistics, dy, output }, attributes);
    };
    return { value: output, gradFunc };
  });
  return tf.tidy(() => attend(q, k, v) as tf.Tensor4D);
}
