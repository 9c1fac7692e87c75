import * as tf from '@tensorflow/tfjs';

/**
 * Loads the wasm backend, and gives it the kernel that the gradient of a gather needs: wasm has no UnsortedSegmentSum.
 *
 *     y_s = sum_i [segment_i = s] x_i,   as the product one_hot(segments)^T x
 *
 * Only here: for the numbers of segments of this benchmark the product is fast, in general it is not.
 */
export async function registerWasmKernels(): Promise<void> {
  await import('@tensorflow/tfjs-backend-wasm');
  tf.registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) => {
      const { x, segmentIds } = inputs as unknown as { x: tf.Tensor; segmentIds: tf.Tensor };
      const { numSegments } = attrs as unknown as { numSegments: number };
      return tf.tidy(() => {
        const count = segmentIds.size;
        const rows = tf.reshape(x, [count, x.size / count]) as tf.Tensor2D;
        // Cast afterwards: wasm's own one-hot of type float32 holds the bits of integers.
        const ids = tf.reshape(segmentIds, [count]) as tf.Tensor1D;
        const chosen = tf.cast(tf.oneHot(ids, numSegments), 'float32') as tf.Tensor2D;
        const sums = tf.matMul(chosen, rows, true); // [numSegments, size of a row]
        return tf.reshape(sums, [numSegments, ...x.shape.slice(segmentIds.rank)]);
      });
    },
  });
}
