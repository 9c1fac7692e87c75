import type { XlaBackend } from '@primal-attention/tfjs-backend-xla';

/** What a backend's programs have of GPU kernels of our own, from when {@link watchKernels} was called on. */
export interface KernelUse {
  /**
   * Calls in the longest program: the training step, where there is one. A call in a loop counts once. Results of
   * commit 785165e and before have the number of different kernels here: one of equal layers counts once.
   */
  readonly calls: number;
  /** Ways to launch a kernel that were compiled, and timed as long as there was time, since no choice was on disk. */
  readonly launchesTried: number;
  /** How long that took. */
  readonly tuningMs: number;
}

type TileProgram = Parameters<XlaBackend['measureTile']>[0];

/** What the text of a program says of its functions: where one begins, what it calls, and each call of a kernel. */
const parts = /\bfunc\.func (?:public |private )?@(\w+)|\bfunc\.call @(\w+)|@__gpu\$xla\.gpu\.triton\(/g;

/** Calls of kernels when a program runs: equal parts of it are one function, which is called several times. */
function kernelCalls(module: string): number {
  const functions = new Map<string, { kernels: number; readonly callees: string[] }>();
  let current = { kernels: 0, callees: [] as string[] };
  for (const [, begun, callee] of module.matchAll(parts)) {
    if (begun !== undefined) {
      current = { kernels: 0, callees: [] };
      functions.set(begun, current);
    } else if (callee !== undefined) current.callees.push(callee);
    else current.kernels++;
  }
  const counted = new Map<string, number>();
  const count = (name: string): number => {
    const known = counted.get(name);
    if (known !== undefined) return known;
    const { kernels, callees } = functions.get(name)!;
    const calls = callees.reduce((sum, callee) => sum + count(callee), kernels);
    counted.set(name, calls);
    return calls;
  };
  return functions.has('main') ? count('main') : 0;
}

/** Watches a backend: whether kernels ran is told by what it compiled, not by what it was asked for. */
export function watchKernels(xla: XlaBackend): KernelUse {
  const use = { calls: 0, launchesTried: 0, tuningMs: 0 };
  let longest = 0;
  const note = (module: string): void => {
    if (module.length <= longest) return;
    longest = module.length;
    use.calls = kernelCalls(module);
  };
  const { executables } = xla;
  const compile = executables.compile.bind(executables);
  const compileAsync = executables.compileAsync.bind(executables);
  Object.assign(executables, {
    compile: (module: string) => {
      note(module);
      return compile(module);
    },
    compileAsync: (module: string) => {
      note(module);
      return compileAsync(module);
    },
  });
  const counted = <R>(tryOut: (program: TileProgram) => R) => {
    return (program: TileProgram): R => {
      const start = performance.now();
      try {
        return tryOut(program);
      } finally {
        use.launchesTried++;
        use.tuningMs += performance.now() - start;
      }
    };
  };
  Object.assign(xla, {
    measureTile: counted(xla.measureTile.bind(xla)),
    tryTile: counted(xla.tryTile.bind(xla)),
  });
  return use;
}
