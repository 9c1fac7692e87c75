import { onAccelerator } from '@primal-attention/runtime';

/** What a run needs. */
export interface Needs {
  /** Its data set, by the name that `pnpm primal data` knows. */
  readonly dataset: string;
  /** The parts of the set that are not here. */
  readonly missing: readonly string[];
  /** It would take too long on a CPU. */
  readonly gpu: boolean;
}

/**
 * Why a run cannot be made here, and what to do about it, in one line; undefined where it can. The engine must have been started.
 *
 * A run that says so and ends well leaves nothing behind; its task must not be cached (`turbo.json` in its folder), or the answer
 * would stand when a GPU or the data is there.
 */
export function lacking({ dataset, missing, gpu }: Needs): string | undefined {
  if (missing.length > 0) {
    return `${dataset} is not on this machine; get it: pnpm primal data get ${dataset}`;
  }
  if (!gpu || onAccelerator()) return undefined;
  return 'it needs a GPU, and there is none here; pnpm bundle packs it for a node that has one, --on-cpu runs it all the same, slowly';
}
