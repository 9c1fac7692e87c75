import type { XlaBackend } from '@primal-attention/tfjs-backend-xla';

/** What a backend's programs have of GPU kernels of our own, from when {@link watchKernels} was called on. */
export interface KernelUse {
  /** Calls in the longest program: the training step, where there is one. A call in a loop counts once. */
  readonly calls: number;
  /** Ways to launch a kernel that were compiled and timed, since no choice was on disk. */
  readonly launchesTimed: number;
  /** How long that took. */
  readonly tuningMs: number;
}

/** Calls of kernels in a program's text. */
function kernelCalls(module: string): number {
  return module.split('@__gpu$xla.gpu.triton').length - 1;
}

/** Watches a backend: whether kernels ran is told by what it compiled, not by what it was asked for. */
export function watchKernels(xla: XlaBackend): KernelUse {
  const use = { calls: 0, launchesTimed: 0, tuningMs: 0 };
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
  const measure = xla.measureTile.bind(xla);
  Object.assign(xla, {
    measureTile: (program: Parameters<typeof measure>[0]) => {
      const start = performance.now();
      try {
        return measure(program);
      } finally {
        use.launchesTimed++;
        use.tuningMs += performance.now() - start;
      }
    },
  });
  return use;
}
