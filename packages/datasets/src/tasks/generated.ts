import type { Splits } from '../arrays.js';
import type { Json } from '../cache/index.js';
import { type GenerateListOpsOptions, generateListOps, type ListOpsSet } from '../lra/listops/index.js';
import {
  type GeneratePathfinderOptions,
  generatePathfinder,
  type PathfinderSet,
} from '../lra/pathfinder/index.js';
import type { ParallelOptions } from '../parallel.js';
import { cachedSet, isSetCached, type TaskOptions, type TaskRecipe } from './cached-set.js';

/** What `pnpm primal data get` generates with. */
export const defaultSeed = 0;

/** Options of a generator through the cache. */
export interface GenerateTaskOptions extends TaskOptions, ParallelOptions {}

/** Settings of a generated set; the number of threads does not change it. */
type Settings<O> = Partial<Omit<O, 'workers'>>;

/** What {@link cachedListOps} generates. */
export type ListOpsTaskSettings = Settings<GenerateListOpsOptions>;
/** What {@link cachedPathfinder} generates. */
export type PathfinderTaskSettings = Settings<GeneratePathfinderOptions>;

/** `generateListOps` through the cache. Default seed: 0. */
export function cachedListOps(
  settings: ListOpsTaskSettings = {},
  options: GenerateTaskOptions = {},
): Promise<ListOpsSet> {
  const { closing, ...others } = settings;
  // The default, said or not, is one entry.
  return generated(listOps, closing === 'kept' ? others : settings, options);
}

/** `generatePathfinder` through the cache. Default seed: 0. */
export function cachedPathfinder(
  settings: PathfinderTaskSettings = {},
  options: GenerateTaskOptions = {},
): Promise<PathfinderSet> {
  return generated(pathfinder, settings, options);
}

/** Whether the set with default settings has been generated before. */
export function isGenerated(name: 'listops' | 'pathfinder', options: TaskOptions = {}): Promise<boolean> {
  return name === 'listops'
    ? isSetCached(recipe(listOps, {}), options)
    : isSetCached(recipe(pathfinder, {}), options);
}

interface Generator<O, S> {
  readonly name: string;
  readonly version: number;
  readonly generate: (options: O) => Promise<S>;
}

const listOps: Generator<GenerateListOpsOptions, ListOpsSet> = {
  name: 'listops',
  version: 1,
  generate: generateListOps,
};
const pathfinder: Generator<GeneratePathfinderOptions, PathfinderSet> = {
  name: 'pathfinder',
  version: 1,
  generate: generatePathfinder,
};

function generated<O extends { seed: number }, S extends Splits>(
  generator: Generator<O, S>,
  settings: Settings<O>,
  { workers, ...options }: GenerateTaskOptions,
): Promise<S> {
  return cachedSet(recipe(generator, settings, workers), options);
}

function recipe<O extends { seed: number }, S extends Splits>(
  { name, version, generate }: Generator<O, S>,
  settings: Settings<O>,
  workers?: number,
): TaskRecipe<S> {
  const full = { seed: defaultSeed, ...settings };
  const make = (): Promise<S> => generate({ ...full, workers } as unknown as O);
  return { name, version, options: full as unknown as Json, make };
}
