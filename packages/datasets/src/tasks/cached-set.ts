import type { Columns, Splits } from '../arrays.js';
import {
  type CacheOptions,
  cached,
  isCached,
  type Json,
  type Recipe,
  recipeWithoutSources,
  sourceSum,
} from '../cache/index.js';
import { dataFolder } from '../data-folder.js';
import type { Finder } from '../sources/presence.js';

/** Options of every loader that goes through the cache. */
export interface TaskOptions extends CacheOptions {
  /** Where the raw data is. Default: `dataFolder()`. */
  data?: string;
}

/** A set, and how it is made. */
export interface TaskRecipe<S extends Splits> {
  /** Under which name `pnpm primal data` knows it. */
  readonly name: string;
  /** Counted up when its result or a default changes. */
  readonly version: number;
  /** The options that were given; defaults belong to the version. */
  readonly options: Json;
  /** Finds the raw data, whose checksum the entry is found by; undefined where the set is generated. */
  readonly find?: Finder;
  readonly make: (folder: string) => Promise<S>;
}

/**
 * The set from the cache, or made and kept there. Where the raw files are not on this machine, an entry that was made from them is
 * taken all the same, if there is one alone.
 */
export async function cachedSet<S extends Splits>(
  task: TaskRecipe<S>,
  options: TaskOptions = {},
): Promise<S> {
  const { data = dataFolder(), ...cache } = options;
  const { splits, facts } = await cached<Json>(
    await recipeOf(task, data, cache),
    async () => {
      const { train, dev, test, ...rest } = await task.make(data);
      return { splits: { train, ...(dev ? { dev } : {}), test }, facts: rest as unknown as Json };
    },
    cache,
  );
  return { ...(facts as object), ...(splits as Record<string, Columns>) } as unknown as S;
}

/** Whether `cachedSet` would find it. */
export async function isSetCached<S extends Splits>(
  task: TaskRecipe<S>,
  options: TaskOptions = {},
): Promise<boolean> {
  const { data = dataFolder(), ...cache } = options;
  return isCached(await recipeOf(task, data, cache), cache);
}

async function recipeOf<S extends Splits>(
  { name, version, options, find }: TaskRecipe<S>,
  folder: string,
  cache: CacheOptions,
): Promise<Recipe> {
  const { files } = find ? await find(folder) : { files: [] };
  if (find && files.length === 0) {
    const found = await recipeWithoutSources({ name, version, options }, cache);
    if (found) return found;
  }
  const sources = [];
  // One after the other: they are read from one disk.
  for (const { path, place } of files) sources.push(await sourceSum(path, place));
  return { name, version, options, sources };
}
