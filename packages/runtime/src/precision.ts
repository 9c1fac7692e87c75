import * as tf from '@tensorflow/tfjs';

/**
 * How matrix products and convolutions of float32 tensors are computed.
 *
 * | value | significant bits of the operands | relative rounding of an operand |
 * |---|---|---|
 * | `float32` | 24 | 6e-8 |
 * | `tf32` | 11, on GPUs that have it; elsewhere 24 | 5e-4 |
 * | `bf16` | 8 | 4e-3 |
 *
 * Sums of the products are float32, and so are results, with each of them.
 */
export type MatmulPrecision = 'float32' | 'tf32' | 'bf16';
/** Every {@link MatmulPrecision}. */
export const matmulPrecisions: readonly MatmulPrecision[] = ['float32', 'tf32', 'bf16'];

/** How activations are stored inside {@link autocast}. */
export type AutocastPrecision = 'float32' | 'bf16';
/** Every {@link AutocastPrecision}. */
export const autocastPrecisions: readonly AutocastPrecision[] = ['float32', 'bf16'];

/** What a backend offers that computes in more than one precision. */
interface MixedPrecisionBackend {
  readonly precision: {
    readonly settings: { readonly matmul: MatmulPrecision; readonly autocast?: AutocastPrecision };
  };
  withMatmulPrecision<R>(precision: MatmulPrecision, fn: () => R): R;
  autocast<R>(precision: AutocastPrecision, fn: () => R): R;
}

function mixedPrecisionBackend(): MixedPrecisionBackend | undefined {
  const backend = tf.backend() as Partial<MixedPrecisionBackend>;
  return typeof backend.autocast === 'function' ? (backend as MixedPrecisionBackend) : undefined;
}

/**
 * Runs `fn` with matrix products and convolutions in the precision given; their types stay float32.
 *
 * ```ts
 * const { value, grads } = withMatmulPrecision('float32', () => tf.variableGrads(loss));
 * ```
 *
 * It holds for the products that are called inside: gradients are computed when they are asked for, so wrap the whole step.
 * A `jit`ted function is compiled once for each precision that it is called with. Without this function, products are
 * `tf32` on a GPU and `float32` on a CPU.
 *
 * A precision is what is good enough: a backend that has no choice (every one but `xla`) computes as it always does.
 *
 * @throws Error when the precision is unknown, or `fn` returns a promise
 */
export function withMatmulPrecision<R>(precision: MatmulPrecision, fn: () => R): R {
  checkOneOf('withMatmulPrecision', precision, matmulPrecisions);
  const backend = mixedPrecisionBackend();
  return backend === undefined ? fn() : backend.withMatmulPrecision(precision, fn);
}

/**
 * Runs `fn`, a forward pass, with activations stored as bf16: half the memory traffic, which is most of a training step's
 * time, at the accuracy of 8 significant bits.
 *
 * ```ts
 * const loss = () => crossEntropy(labels, autocast('bf16', () => model.apply(x) as tf.Tensor));
 * const { value, grads } = tf.variableGrads(loss);
 * ```
 *
 * - Matrix products, convolutions and look-ups in a variable (embeddings) bring float32 into bf16. Every float result that
 *   follows from a bf16 one is stored as bf16, whatever it is combined with, except the results listed next.
 * - Sums, means, softmax, exponentials, logarithms, powers and roots are computed from bf16 and stored as float32, and so is
 *   every operation that autocast does not know. `logSoftmax`, `logSumExp` and the losses of tfjs are float32 as a whole.
 *   Additions inside a product are float32. Elementwise arithmetic computes in float32 before it rounds.
 * - tfjs sees float32 everywhere. Tensors that `fn` returns (in arrays and plain objects too) are float32 again, so that a
 *   loss outside is computed in float32: they are copies, and the bf16 tensors are disposed of unless they were kept. One
 *   that leaves in another way stays bf16, and is converted when it is read or assigned.
 * - Gradients may be taken outside or inside. The gradient of a bf16 activation is bf16, that of a float32 weight float32:
 *   weights and what an optimizer keeps stay float32. No loss scaling is needed, since bf16 has float32's range.
 * - `autocast('float32', …)` inside computes its part in float32.
 *
 * A backend without bf16 (every one but `xla`) calls `fn` as it is.
 *
 * @throws Error when the precision is unknown, or `fn` returns a promise
 */
export function autocast<R>(precision: AutocastPrecision, fn: () => R): R {
  checkOneOf('autocast', precision, autocastPrecisions);
  const backend = mixedPrecisionBackend();
  return backend === undefined ? fn() : backend.autocast(precision, fn);
}

/** What is asked for at this moment: see {@link currentPrecision}. */
export interface CurrentPrecision {
  /** By {@link withMatmulPrecision}, or the device's own. */
  readonly matmul: MatmulPrecision;
  /** By the innermost {@link autocast}; `float32` without any. */
  readonly autocast: AutocastPrecision;
}

/**
 * The precision that code is asked for now, for who has several forms to choose from: a kernel whose products are TF32 may run
 * where `matmul` is not `float32`.
 *
 * A backend that has no choice (every one but `xla`) has `float32` for both.
 */
export function currentPrecision(): CurrentPrecision {
  const settings = mixedPrecisionBackend()?.precision.settings;
  return { matmul: settings?.matmul ?? 'float32', autocast: settings?.autocast ?? 'float32' };
}

function checkOneOf(caller: string, precision: string, valid: readonly string[]): void {
  if (!valid.includes(precision)) {
    throw new Error(
      `${caller}: precision must be one of ${valid.join(', ')}, got ${JSON.stringify(precision)}`,
    );
  }
}

/** What a backend offers that stores float32 tensors in more than one way. */
interface NarrowingBackend {
  isNarrow(tensor: tf.TensorInfo): boolean;
}

/** The kernel by which such a backend changes how a tensor is stored. */
const storeFloat = 'StoreFloat';

/** The same numbers, stored as another tensor is: what the gradient of a tensor must be. */
export function storedLike(tensor: tf.Tensor, like: tf.Tensor): tf.Tensor {
  const backend = tf.backend() as Partial<NarrowingBackend>;
  if (typeof backend.isNarrow !== 'function') return tensor;
  const narrow = backend.isNarrow(like);
  if (backend.isNarrow(tensor) === narrow) return tensor;
  return tf.engine().runKernel(storeFloat, { x: tensor }, { element: narrow ? 'bf16' : 'f32' }) as tf.Tensor;
}
