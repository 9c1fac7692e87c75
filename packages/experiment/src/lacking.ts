import { resolve } from 'node:path';
import { deviceName, isOnGpu } from './device.js';
import { type Variant, variantArguments } from './variant.js';

/** What a run needs besides a GPU. */
export interface Needs {
  /** The run's folder and variant, for the command that trains it all the same. */
  readonly folder: string;
  readonly variant: Variant;
  /** Its data set, by the name that `pnpm primal data` knows. */
  readonly dataset: string;
  /** The parts of the set that are not here. */
  readonly missing: readonly string[];
}

/**
 * Why a run that needs a GPU cannot be made here, and what to do about it, in one line; undefined where it can. The engine must have
 * been started.
 */
export function lacking({ folder, variant, dataset, missing }: Needs): string | undefined {
  if (missing.length > 0) {
    return `${dataset} is not on this machine; get it: pnpm primal data get ${dataset}`;
  }
  if (isOnGpu()) return undefined;
  return (
    `it needs a GPU, this is ${deviceName()}; train it on a GPU node (pnpm bundle)` +
    // Kernels of our own run nowhere else.
    (variant.kernels
      ? ''
      : `, or here, slowly: ${['node', process.argv[1], resolve(folder), ...variantArguments(variant)].join(' ')}`)
  );
}
