import { engine } from '@tensorflow/tfjs-core';
import type { XlaBackend } from '../backend.js';
import { backendName } from '../kernels.js';

/**
 * Runs `fn` with a backend in use. tfjs makes tensors, and counts who shares their data, on the backend in use, which may have
 * changed when an asynchronous call gets there.
 */
export function withinBackend<R>(backend: XlaBackend, fn: () => R): R {
  const target = engine() as unknown as { backendName: string; backendInstance: unknown };
  if (target.backendInstance === backend) return fn();
  const { backendName: name, backendInstance } = target;
  Object.assign(target, { backendName, backendInstance: backend });
  try {
    return fn();
  } finally {
    Object.assign(target, { backendName: name, backendInstance });
  }
}
