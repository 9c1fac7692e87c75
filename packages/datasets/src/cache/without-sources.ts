import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { loadMetadata } from '@primal-attention/safetensors';
import type { CacheOptions } from './cached.js';
import { processedFolder } from './folder.js';
import { canonical, type Json, type Recipe } from './manifest.js';

/**
 * The recipe of the entry that was made by the same code with the same options, from whatever files: for a machine that has what was
 * made, but not what it was made from. Undefined when there is none.
 *
 * @throws Error when there are several: which of them is meant, only the files would tell
 */
export async function recipeWithoutSources(
  wanted: Omit<Recipe, 'sources'>,
  options: Pick<CacheOptions, 'folder'> = {},
): Promise<Recipe | undefined> {
  const root = options.folder ?? processedFolder();
  const folder = root === undefined ? undefined : join(root, wanted.name);
  if (folder === undefined || !existsSync(folder)) return undefined;
  const found = new Map<string, Recipe>();
  for (const name of (await readdir(folder)).sort()) {
    if (!name.endsWith('.safetensors')) continue;
    const recipe = await recipeOf(join(folder, name));
    if (recipe === undefined || identity(recipe) !== identity(wanted)) continue;
    found.set(name, recipe);
  }
  if (found.size > 1) {
    throw new Error(
      `${wanted.name}: the raw files are not on this machine, and ${[...found.keys()].join(' and ')} in ${folder} were made from ` +
        'different ones; remove all but one',
    );
  }
  const [recipe] = found.values();
  return recipe;
}

/** A damaged entry is as good as none. */
async function recipeOf(path: string): Promise<Recipe | undefined> {
  try {
    return JSON.parse((await loadMetadata(path)).get('recipe') ?? '') as Recipe;
  } catch {
    return undefined;
  }
}

function identity({ name, version, options }: Omit<Recipe, 'sources'>): string {
  return canonical({ name, version, options } as Json);
}
