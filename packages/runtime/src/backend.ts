import * as tf from '@tensorflow/tfjs';

/** A TensorFlow.js backend that the project runs on. */
export type BackendName = 'xla' | 'tensorflow' | 'wasm' | 'cpu';

/** The order in which backends are tried when nobody asks for one: fastest first. */
export const backendOrder: readonly BackendName[] = ['xla', 'tensorflow', 'wasm', 'cpu'];

const howToGet: Record<BackendName, string> = {
  xla: "import '@primal-attention/tfjs-backend-xla' first, and run `npm run setup` to install its plugin",
  tensorflow:
    "call startEngine('tensorflow') of @primal-attention/engines, or import '@tensorflow/tfjs-node' first",
  wasm: "import '@tensorflow/tfjs-backend-wasm' first",
  cpu: "import '@tensorflow/tfjs' first",
};

/**
 * Chooses and initialises the TensorFlow.js backend that the program runs on.
 *
 * With a name, in the argument or in the environment variable `PRIMAL_BACKEND`, that backend or an error. Without, the
 * first of `xla`, `tensorflow`, `wasm`, `cpu` that is registered and starts; one that is registered but does not start
 * is reported on stderr with its reason, since everything still works but much slower.
 *
 * Backends register themselves when their package is imported, which is the entry point's choice; this function
 * imports none.
 *
 * @returns the name of the backend in use
 * @throws Error when the name is unknown, its package was not imported, or it does not start
 */
export async function useBackend(
  name: string | undefined = process.env.PRIMAL_BACKEND || undefined,
): Promise<string> {
  if (name !== undefined) {
    if (!isBackendName(name)) {
      throw new Error(`useBackend: unknown backend '${name}'; expected one of ${backendOrder.join(', ')}`);
    }
    const reason = await start(name);
    if (reason !== undefined) throw new Error(`useBackend: backend '${name}' cannot be used: ${reason}`);
    return name;
  }
  for (const candidate of backendOrder) {
    if (tf.findBackendFactory(candidate) == null) continue;
    const reason = await start(candidate);
    if (reason === undefined) return candidate;
    console.warn(`useBackend: '${candidate}' is not available (${reason}); trying the next, slower backend`);
  }
  throw new Error(`useBackend: no backend is registered; ${howToGet.cpu}`);
}

/**
 * True where a GPU computes, as far as the backend says so (`xla`): for code that has a form for caches and another one for
 * many threads.
 */
export function onAccelerator(): boolean {
  return (tf.backend() as { accelerated?: boolean }).accelerated ?? false;
}

/** Whether a name is one of {@link backendOrder}. */
export function isBackendName(name: string): name is BackendName {
  return (backendOrder as readonly string[]).includes(name);
}

/** Starts a backend; returns the reason when it cannot. */
async function start(name: BackendName): Promise<string | undefined> {
  const factory = tf.findBackendFactory(name);
  if (factory == null) return `it is not registered; ${howToGet[name]}`;
  if (tf.getBackend() === name) return undefined;
  try {
    // tfjs swallows the reason of a failing factory, so the factory is asked first; what it makes is dropped.
    if (tf.engine().registry[name] === undefined) await factory();
    if (await tf.setBackend(name)) return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return `it failed to start; ${howToGet[name]}`;
}
