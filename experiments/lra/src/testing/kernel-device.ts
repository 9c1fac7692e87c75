import type { TileProgram } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';

/** As much of backend `xla` as is stood in for. */
interface Backend {
  readonly executables: object & { compile: Compile; compileAsync: Compile };
}
type Compile = (module: string) => unknown;

/**
 * Stands in for an NVIDIA GPU on backend `xla`: kernels are called, compiled and counted as there, and compute nothing but zeros. A
 * program's text has a comment for each of its calls, which reads like the call on a GPU, in its main function.
 *
 * @returns the names of the kernels that were called so far, and how to remove the device
 */
export function kernelDevice(): { readonly calls: string[]; remove(): void } {
  const calls: string[] = [];
  /** Of the program that is being recorded. */
  let recorded = 0;
  tf.registerKernel({
    kernelName: 'TileCall',
    backendName: 'xla',
    kernelFunc: ({ attrs }) => {
      const { name, results } = (attrs as unknown as { program: TileProgram }).program;
      calls.push(name);
      recorded++;
      return results.map(({ shape, dtype }) => tf.zeros([...shape], dtype === 'int32' ? 'int32' : 'float32'));
    },
  });
  const backend = tf.backend();
  // The first is the fastest, and nothing is kept on disk.
  const abilities = {
    tileRefusal: () => undefined,
    measureTile: () => performance.now(),
    recall: () => undefined,
    remember: () => {},
  };
  Object.assign(backend, abilities);
  const { executables } = backend as unknown as Backend;
  for (const name of ['compile', 'compileAsync'] as const) {
    const original = executables[name].bind(executables);
    let watched: Compile | undefined;
    // Who watches what is compiled, by putting a function in this one's place, sees the comments.
    Object.defineProperty(executables, name, {
      configurable: true,
      get: (): Compile => {
        const now = watched;
        if (now === undefined) return original;
        return (module) => {
          const comments = '    // @__gpu$xla.gpu.triton()\n'.repeat(recorded);
          const text = module.replace(/@main\(.*\{\n/, (begin) => begin + comments);
          recorded = 0;
          return now(text);
        };
      },
      set: (by: Compile) => {
        watched = by;
      },
    });
  }
  return {
    calls,
    remove() {
      tf.unregisterKernel('TileCall', 'xla');
      for (const name of Object.keys(abilities)) delete (backend as unknown as Record<string, unknown>)[name];
      for (const name of ['compile', 'compileAsync']) delete (executables as Record<string, unknown>)[name];
    },
  };
}
