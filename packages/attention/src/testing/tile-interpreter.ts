import type { TileProgram } from '@primal-attention/runtime';
import {
  interpret,
  type Kernel,
  type SoftmaxConfig,
  softmaxAttention,
  softmaxKeyGradient,
  softmaxQueryGradient,
  tritonIr,
} from '@primal-attention/tile';
import * as tf from '@tensorflow/tfjs';
import { type SoftmaxKernel, softmaxCandidates } from '../mechanisms/fused-softmax/launches.js';

const kernels = {
  attention: softmaxAttention,
  queryGradient: softmaxQueryGradient,
  keyGradient: softmaxKeyGradient,
} as const satisfies Record<SoftmaxKernel, unknown>;

/** What a device may offer beside running kernels. */
interface Abilities {
  measureTile?(program: TileProgram): number;
}

/**
 * Stands in for a device that runs kernels: the tile interpreter does, on whatever backend is in use. A program must be a launch
 * of a softmax kernel with the configuration that is expected at that time, to the letter.
 */
export class TileInterpreter {
  /** The kernels that ran. */
  readonly calls: SoftmaxKernel[] = [];
  /** What the kernels must be made for. */
  expected: SoftmaxConfig | undefined;
  readonly #remove: () => void;

  constructor(abilities: Abilities = {}) {
    const backendName = tf.getBackend();
    const backend = tf.backend();
    tf.registerKernel({
      kernelName: 'TileCall',
      backendName,
      kernelFunc: ({ inputs, attrs }) =>
        this.#run(
          (attrs as unknown as { program: TileProgram }).program,
          Object.values(inputs) as tf.Tensor[],
        ),
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

  #run(program: TileProgram, operands: tf.Tensor[]): tf.Tensor[] {
    const [name, kernel] = this.#kernelOf(program);
    this.calls.push(name);
    const named = (direction: 'input' | 'output'): string[] =>
      kernel.parameters.filter((parameter) => parameter.direction === direction).map(({ name }) => name);
    const made: Readonly<Record<string, Float32Array>> = interpret(kernel, {
      grid: program.grid,
      inputs: Object.fromEntries(named('input').map((name, i) => [name, operands[i].dataSync()])) as never,
      outputs: Object.fromEntries(
        named('output').map((name, i) => [name, program.results[i].shape]),
      ) as never,
      roundTf32: false,
    });
    return named('output').map((name, i) => tf.tensor(made[name], [...program.results[i].shape], 'float32'));
  }

  #kernelOf({ ir, numWarps, numStages }: TileProgram): [SoftmaxKernel, Kernel] {
    const { expected } = this;
    if (expected === undefined) throw new Error('TileInterpreter: no kernel is expected');
    for (const name of Object.keys(kernels) as SoftmaxKernel[]) {
      for (const label of Object.keys(softmaxCandidates(name, expected).candidates)) {
        const [queriesPerTile, keysPerTile, warps, stages] = label.match(/\d+/g)!.map(Number);
        const kernel = kernels[name]({ ...expected, queriesPerTile, keysPerTile }) as unknown as Kernel;
        if (tritonIr(kernel) === ir && warps === numWarps && stages === numStages) return [name, kernel];
      }
    }
    throw new Error(`TileInterpreter: no launch of a kernel for ${JSON.stringify(expected)} is\n${ir}`);
  }
}
