import type { TileProgram } from '@primal-attention/runtime';
import { interpretProgram } from '@primal-attention/tile';
import * as tf from '@tensorflow/tfjs';

/**
 * Runs GPU kernels in the interpreter, on whatever backend is in use, outside compiled functions alone.
 *
 * @returns the names of the kernels that ran so far, and how to end it
 */
export function interpretKernels(): { readonly calls: string[]; remove(): void } {
  const calls: string[] = [];
  const backendName = tf.getBackend();
  const backend = tf.backend() as { tileRefusal?: () => string | undefined };
  tf.registerKernel({
    kernelName: 'TileCall',
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const { program } = attrs as unknown as { program: TileProgram };
      calls.push(program.name);
      const operands = (Object.values(inputs) as tf.Tensor[]).map((tensor) => tensor.dataSync());
      return interpretProgram(program, operands).map((values, i) =>
        tf.tensor(values, [...program.results[i].shape], 'float32'),
      );
    },
  });
  backend.tileRefusal = () => undefined;
  return {
    calls,
    remove() {
      tf.unregisterKernel('TileCall', backendName);
      delete backend.tileRefusal;
    },
  };
}
