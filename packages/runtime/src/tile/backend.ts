import * as tf from '@tensorflow/tfjs';
import { hasKernel } from '../backend-kernel.js';
import type { TileProgram } from './program.js';
import { tileKernels } from './switch.js';

/** The kernel by which a backend runs a {@link TileProgram}: a list of tensors in, attribute `program`, a list out. */
export const tileKernel = 'TileCall';

/** What a backend that has {@link tileKernel} may offer besides. */
export interface TileBackend {
  /** Why kernels do not run on the device although the backend has the ability; undefined where they do. */
  tileRefusal?(): string | undefined;
  /** Milliseconds that one call takes. @throws Error when the kernel does not compile or fit */
  measureTile?(program: TileProgram): number;
  /** Compiles a kernel, and no more; without it, `measureTile` is called. @throws Error when it does not compile or fit */
  tryTile?(program: TileProgram): void;
  /** A text kept under a name, if there is one that holds for this device. */
  recall?(name: string): string | undefined;
  /** Keeps a text under a name. */
  remember?(name: string, text: string): void;
}

export function tileBackend(): TileBackend {
  return tf.backend() as TileBackend;
}

let warned = false;

/**
 * Why kernels of {@link tileCall} do not run now, so that their plain formulations do; undefined where kernels run: on `xla`
 * with an NVIDIA GPU whose plugin takes them. The first call there tries a tiny kernel, and warns when the plugin refuses it.
 */
export function tileKernelRefusal(): string | undefined {
  if (tileKernels() === 'off') return 'they are off (PRIMAL_KERNELS, or withTileKernels)';
  if (!hasKernel(tileKernel)) {
    const name = tf.getBackend();
    return name === 'xla'
      ? 'this device has none; they need an NVIDIA GPU'
      : `backend '${name}' has none; they need backend 'xla' on an NVIDIA GPU`;
  }
  const reason = tileBackend().tileRefusal?.();
  if (reason === undefined) return undefined;
  const message = `the device's plugin refuses them: ${reason}`;
  if (!warned) {
    warned = true;
    console.warn(`Tile kernels do not run, and slower plain formulations do: ${message}`);
  }
  return message;
}

/** Whether kernels of {@link tileCall} run now; {@link tileKernelRefusal} says why not. */
export function hasTileKernels(): boolean {
  return tileKernelRefusal() === undefined;
}
