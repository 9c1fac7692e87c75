import type { TileProgram } from '@primal-attention/runtime';
import { interpretProgram } from '@primal-attention/tile';
import * as tf from '@tensorflow/tfjs';

/** What a device may offer beside running kernels. */
interface Abilities {
  measureTile?(program: TileProgram): number;
}

/**
 * Stands in for a device that runs kernels: the tile interpreter does, on whatever backend is in use, outside `jit` alone. Products
 * are not rounded to TF32, so that results differ from plain formulations by roundings of float32.
 */
export class TileInterpreter {
  /** The names of the kernels that ran. */
  readonly calls: string[] = [];
  readonly #remove: () => void;

  constructor(abilities: Abilities = {}) {
    const backendName = tf.getBackend();
    const backend = tf.backend();
    tf.registerKernel({
      kernelName: 'TileCall',
      backendName,
      kernelFunc: ({ inputs, attrs }) => {
        const { program } = attrs as unknown as { program: TileProgram };
        this.calls.push(program.name);
        const operands = (Object.values(inputs) as tf.Tensor[]).map((tensor) => tensor.dataSync());
        return interpretProgram(program, operands, { roundTf32: false }).map((values, i) =>
          tf.tensor(values, [...program.results[i].shape], 'float32'),
        );
      },
    });
    const all = { tileRefusal: () => undefined, recall: () => undefined, remember() {}, ...abilities };
    Object.assign(backend, all);
    this.#remove = () => {
      tf.unregisterKernel('TileCall', backendName);
      for (const name of Object.keys(all)) delete (backend as unknown as Record<string, unknown>)[name];
    };
  }

  remove(): void {
    this.#remove();
  }
}
