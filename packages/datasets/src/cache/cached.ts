import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { loadSafetensors, type SafeTensor, saveSafetensors } from '@primal-attention/safetensors';
import { type Column, type Columns, countSamples } from '../arrays.js';
import { processedFolder } from './folder.js';
import { canonical, type Json, type Recipe, recipeKey, recipeText } from './manifest.js';

/** Processed data: columns by split, and what else there is to know. */
export interface ProcessedSet<F extends Json = Json> {
  readonly splits: Readonly<Record<string, Columns>>;
  readonly facts: F;
}

/** Options of {@link cached}. */
export interface CacheOptions {
  /** Default: `processedFolder()`; undefined there means no cache. */
  folder?: string;
  /** Told what does not keep it from going on: a damaged entry, a folder that cannot be written. Default: console.warn. */
  say?: (line: string) => void;
}

/**
 * The data that `make` gives for this recipe, from disk where it has been made before.
 *
 * An entry is one file, `FOLDER/NAME/KEY.safetensors`: columns under `split/column`, and in its metadata the recipe (name, version,
 * options, sources with their checksums), the facts, and a checksum of every column. KEY follows from the recipe, so that other
 * options, sources or versions are other entries. It is written under another name, onto the disk, and then renamed: a killed
 * writer leaves nothing that looks finished, and of several writers, which write the same, the last one's file stays. When
 * `make` throws, nothing is written. An entry that is damaged is said to be, removed, and made anew; a folder that cannot be
 * written to costs time but no data.
 *
 * One file of packages/safetensors and not a format of our own: that package depends on nothing, its reader refuses every malformed
 * file before it allocates, it writes whole files or none, and numpy and PyTorch read what it writes.
 */
export async function cached<F extends Json>(
  recipe: Recipe,
  make: () => Promise<ProcessedSet<F>>,
  options: CacheOptions = {},
): Promise<ProcessedSet<F>> {
  const { say = console.warn } = options;
  const text = recipeText(recipe);
  const root = options.folder ?? processedFolder();
  if (root === undefined) return make();
  const folder = join(root, recipe.name);
  const path = join(folder, `${recipeKey(recipe)}.safetensors`);
  if (existsSync(path)) {
    try {
      return (await readEntry(path, text)) as ProcessedSet<F>;
    } catch (error) {
      say(`${path} is damaged, it is removed and made anew: ${(error as Error).message}`);
      await rm(path, { force: true }).catch(() => {});
    }
  }
  const made = await make();
  try {
    await mkdir(folder, { recursive: true });
    await removeRemains(folder);
    await writeEntry(path, text, made);
  } catch (error) {
    say(`${recipe.name} could not be kept in ${folder}: ${(error as Error).message}`);
  }
  return made;
}

/** Whether the recipe's entry is there; says nothing about what is in it. */
export function isCached(recipe: Recipe, options: CacheOptions = {}): boolean {
  const root = options.folder ?? processedFolder();
  return root !== undefined && existsSync(join(root, recipe.name, `${recipeKey(recipe)}.safetensors`));
}

const dtypes = { Float32Array: 'F32', Int32Array: 'I32', Uint16Array: 'U16', Uint8Array: 'U8' } as const;

async function writeEntry(path: string, recipe: string, { splits, facts }: ProcessedSet): Promise<void> {
  const tensors = new Map<string, SafeTensor>();
  const sums: Record<string, string> = {};
  const aliases: Record<string, string> = {};
  for (const [split, columns] of Object.entries(splits)) {
    // A published pipeline may take one split for another, as LRA's Text does with dev and test.
    const same = Object.keys(splits).find((other) => splits[other] === columns)!;
    if (same !== split) {
      aliases[split] = same;
      continue;
    }
    countSamples(columns, `cached: split ${split}`);
    for (const [name, { data, shape }] of Object.entries(columns)) {
      const key = `${split}/${name}`;
      const dtype = dtypes[data.constructor.name as keyof typeof dtypes];
      tensors.set(key, { dtype, shape: [...shape], data } as SafeTensor);
      sums[key] = sumOf(data);
    }
  }
  await saveSafetensors(path, tensors, {
    recipe,
    facts: canonical(facts),
    sums: canonical(sums),
    aliases: canonical(aliases),
  });
}

async function readEntry(path: string, recipe: string): Promise<ProcessedSet> {
  const { tensors, metadata } = await loadSafetensors(path);
  if (metadata.get('recipe') !== recipe) throw new Error('it was made from another recipe');
  const sums = JSON.parse(metadata.get('sums') ?? '{}') as Record<string, string>;
  const splits: Record<string, Record<string, Column>> = {};
  // Sums are in the order of names, tensors in the order of element sizes.
  for (const key of Object.keys(sums)) {
    const tensor = tensors.get(key);
    if (!tensor) throw new Error(`${key} is missing`);
    if (sumOf(tensor.data) !== sums[key]) throw new Error(`the checksum of ${key} is wrong`);
    const slash = key.indexOf('/');
    splits[key.slice(0, slash)] ??= {};
    splits[key.slice(0, slash)][key.slice(slash + 1)] = {
      data: tensor.data as Column['data'],
      shape: tensor.shape,
    };
  }
  const aliases = JSON.parse(metadata.get('aliases') ?? '{}') as Record<string, string>;
  for (const [split, same] of Object.entries(aliases)) splits[split] = splits[same];
  return { splits, facts: JSON.parse(metadata.get('facts') ?? 'null') as Json };
}

function sumOf(data: ArrayBufferView): string {
  return createHash('sha256')
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex');
}

/** What writers left that were killed: no writer takes a day. */
async function removeRemains(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.tmp')) continue;
    const path = join(folder, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (Date.now() - mtimeMs > 24 * 3600 * 1000) await rm(path, { force: true });
  }
}
