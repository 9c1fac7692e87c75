import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { isInput } from './program.js';
import { report, search } from './search.js';

/** Puts a wrong kernel in the place of one of the backend's while `fn` runs. */
async function withKernel<T>(
  kernelName: string,
  change: (original: tf.KernelFunc) => tf.KernelFunc,
  fn: () => Promise<T>,
): Promise<T> {
  const original = tf.getKernel(kernelName, 'xla');
  const replace = (kernelFunc: tf.KernelFunc): void => {
    tf.unregisterKernel(kernelName, 'xla');
    tf.registerKernel({ ...original, kernelFunc });
  };
  replace(change(original.kernelFunc));
  try {
    return await fn();
  } finally {
    replace(original.kernelFunc);
  }
}

describe('a wrong kernel is found and shrinks to the operation alone', () => {
  const table = ['sub', 'exp', 'sum', 'elu', 'mul', 'reshape', 'transpose', 'concat', 'tanh', 'argMax'];
  const wrong: Record<string, [kernel: string, change: (original: tf.KernelFunc) => tf.KernelFunc]> = {
    sub: [
      'Sub',
      (original) => (call) =>
        original({ ...call, inputs: { a: call.inputs.b, b: call.inputs.a } as tf.NamedTensorInfoMap }),
    ],
    sum: [
      'Sum',
      (original) => (call) => {
        const rank = (call.inputs.x as tf.TensorInfo).shape.length;
        const { axis } = call.attrs as unknown as { axis: number[] | null };
        if (rank < 2 || axis?.length !== 1) return original(call);
        const attrs = { ...call.attrs, axis: [(axis[0] + 1) % rank] };
        return original({ ...call, attrs: attrs as unknown as tf.NamedAttrMap });
      },
    ],
    // Off by 2e-5: no tolerance is so loose.
    exp: [
      'Exp',
      (original) => (call) => {
        const result = original(call) as tf.TensorInfo;
        const a = tf.engine().makeTensorFromTensorInfo(result);
        return a.mul(1.00002);
      },
    ],
    // Only the gradient is wrong.
    elu: [
      'EluGrad',
      () =>
        ({ inputs }) =>
          (inputs.dy as tf.Tensor).clone(),
    ],
  };

  it.each(Object.entries(wrong))('%s', { timeout: 120_000 }, async (op, [kernel, change]) => {
    const details = await withKernel(kernel, change, () =>
      search({ minOps: 3, maxOps: 8, only: table }, { seed: 7, numRuns: 20 }),
    );
    expect(details.failed).toBe(true);
    const batch = details.counterexample![0];
    expect(batch).toHaveLength(1);
    expect(
      batch[0].filter((step) => !isInput(step)).map((step) => step.op),
      report(details, 'src/fuzz/wrong-kernels.test.ts'),
    ).toEqual([op]);
  });
});
