import type { TileProgram } from '@primal-attention/runtime';
import { interpretProgram } from '@primal-attention/tile';
import * as tf from '@tensorflow/tfjs';

/**
 * Stands in for a GPU on whatever backend is in use: kernels run in the interpreter, outside `jit` alone. Products do not round
 * to TF32, so that what they compute differs from plain formulations by a few roundings of float32.
 *
 * @returns the names of the kernels that ran so far, and how to remove the device
 */
export function interpreterDevice(): { readonly calls: string[]; remove(): void } {
  const calls: string[] = [];
  const backendName = tf.getBackend();
  const backend = tf.backend();
  tf.registerKernel({
    kernelName: 'TileCall',
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const { program } = attrs as unknown as { program: TileProgram };
      calls.push(program.name);
      const operands = (Object.values(inputs) as tf.Tensor[]).map((tensor) => tensor.dataSync());
      return interpretProgram(program, operands, { roundTf32: false }).map((values, i) => {
        const { shape, dtype } = program.results[i];
        return tf.tensor(values, [...shape], dtype === 'int32' ? 'int32' : 'float32');
      });
    },
  });
  let measured = 0;
  const abilities = {
    tileRefusal: () => undefined,
    // The first is the fastest.
    measureTile: () => ++measured,
    recall: () => undefined,
    remember: () => {},
  };
  Object.assign(backend, abilities);
  return {
    calls,
    remove() {
      tf.unregisterKernel('TileCall', backendName);
      for (const name of Object.keys(abilities)) delete (backend as unknown as Record<string, unknown>)[name];
    },
  };
}
