import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { column, selectSamples } from '../../arrays.js';
import { concurrently } from '../../concurrent.js';
import { decodeImage } from '../../images/decode.js';
import { locate } from '../../locate.js';
import { RandomStream } from '../../random.js';
import type { PathfinderSet } from './make.js';
import type { PathfinderLevel } from './settings.js';

/** Options of {@link loadPathfinder}. */
export interface LoadPathfinderOptions {
  /** Default: `dataFolder()`. */
  folder?: string;
  /** Default: `hard`. */
  level?: PathfinderLevel;
  /** Height and width. Default 32. */
  size?: 32 | 64 | 128 | 256;
  /** Of the order in which images are cut into 80, 10 and 10 %. Default 0; the published shuffle has no seed. */
  seed?: number;
  /** Paths, as `imgs/0/sample_172.png`, that are left out. Default none; one image of the published easy level is empty. */
  skip?: readonly string[];
}

const folders: Readonly<Record<PathfinderLevel, string>> = {
  easy: 'curv_baseline',
  intermediate: 'curv_contour_length_9',
  hard: 'curv_contour_length_14',
};

interface Entry {
  path: string;
  label: number;
}

/**
 * Loads the official Pathfinder images from their folders: `metadata/*.npy` (which are text, in spite of their name: folder, file,
 * number, label, …, one image a line) and the PNG files that they name. Looked for as `lra/pathfinder32/curv_contour_length_14`
 * and in the unpacked release. To generate a set instead: `generatePathfinder`.
 *
 * Metadata files are read in the order of their numbers; a seeded shuffle then cuts 80, 10 and 10 %, where the published code's
 * has no seed.
 *
 * @throws Error with file and line for a metadata line that is short, a label that is not 0 or 1, an image named twice, missing,
 * empty, damaged, or of another size
 */
export async function loadPathfinder(options: LoadPathfinderOptions = {}): Promise<PathfinderSet> {
  const { level = 'hard', size = 32, seed = 0, skip = [] } = options;
  if (!Object.hasOwn(folders, level)) {
    throw new Error(
      `loadPathfinder: level must be one of ${Object.keys(folders).join(', ')}, got '${level}'`,
    );
  }
  const below = `pathfinder${size}/${folders[level]}`;
  const folder = locate(
    {
      caller: 'loadPathfinder',
      set: `Pathfinder (${below})`,
      source: 'https://storage.googleapis.com/long-range-arena/lra_release.gz',
      places: [`lra/${below}`, `lra_release/${below}`, `lra_release/lra_release/${below}`],
    },
    options.folder,
  );
  const left = new Set(skip);
  const entries = (await readMetadata(join(folder, 'metadata'))).filter(({ path }) => !left.has(path));
  const pixels = size * size;
  const ids = new Uint8Array(entries.length * pixels);
  await concurrently(entries.length, 16, async (index) => {
    const path = join(folder, entries[index].path);
    const image = await decodeImage(await readFile(path), `loadPathfinder: ${path}`, 1);
    if (image.height !== size || image.width !== size) {
      throw new Error(
        `loadPathfinder: ${path}: the image is ${image.height} x ${image.width}, expected ${size} x ${size}`,
      );
    }
    ids.set(image.data, index * pixels);
  });
  const all = {
    ids: column(ids, [entries.length, pixels]),
    labels: column(
      Uint8Array.from(entries, ({ label }) => label),
      [entries.length],
    ),
  };
  const order = new RandomStream(seed, 'pathfinder', 'splits').permutation(entries.length);
  const [end80, end90] = [Math.floor(entries.length * 0.8), Math.floor(entries.length * 0.9)];
  return {
    train: selectSamples(all, order.subarray(0, end80)),
    dev: selectSamples(all, order.subarray(end80, end90)),
    test: selectSamples(all, order.subarray(end90)),
    vocabulary: 256,
    classes: 2,
    length: pixels,
  };
}

async function readMetadata(folder: string): Promise<Entry[]> {
  if (!existsSync(folder)) throw new Error(`loadPathfinder: ${folder} is missing: unpack the whole folder`);
  const files = (await readdir(folder)).filter((name) => /^\d+\.npy$/.test(name));
  if (files.length === 0) throw new Error(`loadPathfinder: ${folder} has no file NUMBER.npy`);
  files.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  const entries: Entry[] = [];
  const seen = new Map<string, string>();
  for (const name of files) {
    const file = join(folder, name);
    const text = await readFile(file, 'latin1');
    if (text.startsWith('\x93NUMPY')) {
      throw new Error(
        `loadPathfinder: ${file}: a real NumPy array, expected text (as LRA's release has it): one image a line`,
      );
    }
    const before = entries.length;
    for (const [index, line] of text.split(/\r\n?|\n/).entries()) {
      if (line.trim() === '') continue;
      const where = `${file}:${index + 1}`;
      const fields = line.trim().split(/\s+/);
      if (fields.length < 4) {
        throw new Error(
          `loadPathfinder: ${where}: expected FOLDER FILE NUMBER LABEL …, got '${line.slice(0, 60)}'`,
        );
      }
      const label = Number(fields[3]);
      if (fields[3] !== '0' && fields[3] !== '1') {
        throw new Error(`loadPathfinder: ${where}: the label must be 0 or 1, got '${fields[3]}'`);
      }
      const path = `${fields[0]}/${fields[1]}`;
      if (path.split('/').includes('..') || path.startsWith('/')) {
        throw new Error(`loadPathfinder: ${where}: the path '${path}' leaves the folder: refused`);
      }
      if (!/^[\w./-]+$/.test(path)) {
        throw new Error(`loadPathfinder: ${where}: ${JSON.stringify(path)} is no name of an image`);
      }
      const earlier = seen.get(path);
      if (earlier) throw new Error(`loadPathfinder: ${where}: ${path} was already named in ${earlier}`);
      seen.set(path, where);
      entries.push({ path, label });
    }
    if (entries.length === before) throw new Error(`loadPathfinder: ${file}: the file names no image`);
  }
  return entries;
}
