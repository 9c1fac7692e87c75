import { precisionNow } from '../precision.js';
import { tileKernelRefusal } from './backend.js';

/**
 * The type in which a kernel should store and multiply what it is called with now: bfloat16 inside `autocast('bf16')`, else
 * float32, whose products a GPU takes as TF32.
 *
 * @returns undefined where the plain formulation must run: no kernels run ({@link tileKernelRefusal}), or products of float32 may
 *   not be rounded (`withMatmulPrecision('float32')`)
 */
export function tileStorage(): 'bfloat16' | 'float32' | undefined {
  if (tileKernelRefusal() !== undefined) return undefined;
  const { autocast, matmul } = precisionNow();
  if (autocast === 'bf16') return 'bfloat16';
  return matmul === 'float32' ? undefined : 'float32';
}
