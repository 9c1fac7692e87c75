import { type BackendName, backendOrder, isBackendName, useBackend } from '@primal-attention/runtime';
import { checkSettings } from './settings.js';
import { loadTensorflow } from './tensorflow/load.js';

/** Imports what registers each backend with TensorFlow.js. */
export const loaders: Readonly<Record<BackendName, () => Promise<unknown> | unknown>> = {
  xla: () => import('@primal-attention/tfjs-backend-xla'),
  tensorflow: () => loadTensorflow(),
  wasm: () => import('@tensorflow/tfjs-backend-wasm'),
  cpu: () => import('@tensorflow/tfjs'),
};

/**
 * Starts the engine that the program computes with: the one named by `name` or by the environment variable
 * `PRIMAL_BACKEND`, or an error; without a name the first of `xla`, `tensorflow`, `wasm`, `cpu` that works here.
 *
 * Entry points (experiments, notebooks, benchmarks) call it once, before they make a tensor. Only the engines that are
 * tried are loaded. When XLA does not start, its reason is written to stderr, since everything else is much slower.
 *
 * @returns the name of the backend in use
 * @throws Error that says why, and what to do, when the named engine does not start, or `PRIMAL_KERNELS`, `PRIMAL_TUNING` or `PRIMAL_LOG` is wrong
 */
export async function startEngine(
  name: string | undefined = process.env.PRIMAL_BACKEND || undefined,
): Promise<BackendName> {
  // Here, and not when the first kernel is needed: by then a run has begun.
  checkSettings();
  if (name !== undefined) {
    if (isBackendName(name)) await load(name);
    return (await useBackend(name)) as BackendName;
  }
  for (const candidate of backendOrder) {
    try {
      await load(candidate);
      return (await useBackend(candidate)) as BackendName;
    } catch (error) {
      if (candidate === 'xla' || candidate === 'cpu') console.warn((error as Error).message);
    }
  }
  throw new Error('startEngine: no engine works here; `pnpm primal doctor` says why');
}

async function load(name: BackendName): Promise<void> {
  try {
    await loaders[name]();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`startEngine: engine '${name}' cannot be used: ${reason}`, { cause: error });
  }
}
