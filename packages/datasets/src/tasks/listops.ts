import type { Json } from '../cache/index.js';
import { type GenerateListOpsOptions, generateListOps, type ListOpsSet } from '../lra/listops/index.js';
import type { ParallelOptions } from '../parallel.js';
import { cachedSet, isSetCached, type TaskOptions, type TaskRecipe } from './cached-set.js';

/** What `pnpm primal data get` generates with. */
export const defaultSeed = 0;

/** Settings of the generated set; `workers` does not change it. */
export type ListOpsTaskSettings = Partial<Omit<GenerateListOpsOptions, 'workers'>>;

/** `generateListOps` through the cache. */
export function cachedListOps(
  settings: ListOpsTaskSettings = {},
  options: TaskOptions & ParallelOptions = {},
): Promise<ListOpsSet> {
  const { workers, ...rest } = options;
  return cachedSet(recipe(settings, workers), rest);
}

/** Whether it has been generated before. */
export const isListOpsCached = (
  settings: ListOpsTaskSettings = {},
  options: TaskOptions = {},
): Promise<boolean> => isSetCached(recipe(settings), options);

function recipe(settings: ListOpsTaskSettings, workers?: number): TaskRecipe<ListOpsSet> {
  const full = { seed: defaultSeed, ...settings };
  return {
    name: 'listops',
    version: 1,
    options: full as unknown as Json,
    make: () => generateListOps({ ...full, workers }),
  };
}
