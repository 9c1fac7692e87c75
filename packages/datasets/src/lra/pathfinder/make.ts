import { column, type Splits } from '../../arrays.js';
import { inBlocks, type ParallelOptions } from '../../parallel.js';
import { generatePathfinderBlock, type PathfinderLabels } from './generate.js';
import {
  checkSettings,
  type PathfinderLevel,
  type PathfinderSettings,
  pathfinderLevels,
} from './settings.js';

/**
 * A Pathfinder set. Columns: `ids` [samples, size²], uint8, the grey values 0 to 255 row by row, and `labels` [samples], uint8: 1
 * where one contour connects the markers.
 *
 * A black pixel has the id 0, which the published models take for padding.
 */
export interface PathfinderSet extends Splits<'ids' | 'labels'> {
  readonly vocabulary: number;
  readonly classes: number;
  readonly length: number;
}

/** Options of {@link generatePathfinder}. */
export interface GeneratePathfinderOptions extends ParallelOptions {
  seed: number;
  /** Default: `hard`, the level of the paper's table. */
  level?: PathfinderLevel;
  /** Settings in place of a level. */
  settings?: PathfinderSettings;
  /** Images of each split. Default 160,000 / 20,000 / 20,000, as published. */
  sizes?: { train: number; dev: number; test: number };
  /** Default `coin`, as published: the classes are balanced but for chance. `alternate`: exactly, in every split of even size. */
  labels?: PathfinderLabels;
}

/**
 * Generates the Pathfinder task: does one contour connect the two markers?
 *
 * How ours differs from the published set: its images come from an unseeded run and are spread over the splits by an unseeded
 * shuffle; ours follow from the seed. For what the images are, see `PathfinderGenerator`.
 */
export async function generatePathfinder(options: GeneratePathfinderOptions): Promise<PathfinderSet> {
  const { seed, level = 'hard', sizes = { train: 160_000, dev: 20_000, test: 20_000 } } = options;
  const settings = options.settings ?? pathfinderLevels[level];
  if (!settings) {
    const known = Object.keys(pathfinderLevels).join(', ');
    throw new Error(`generatePathfinder: level must be one of ${known}, got '${level}'`);
  }
  checkSettings(settings);
  const labelling = options.labels ?? 'coin';
  if (labelling !== 'coin' && labelling !== 'alternate') {
    throw new Error(`generatePathfinder: labels must be 'coin' or 'alternate', got '${labelling}'`);
  }
  for (const [split, size] of Object.entries(sizes)) {
    if (Number.isInteger(size) && size >= 0) continue;
    throw new Error(`generatePathfinder: sizes.${split} must be a whole number from 0 on, got ${size}`);
  }
  const count = sizes.train + sizes.dev + sizes.test;
  const pixels = settings.size ** 2;
  const images = new Uint8Array(count * pixels);
  const labels = new Uint8Array(count);
  const blockSize = 200;
  const blocks = await inBlocks(
    {
      module: new URL('./generate.js', import.meta.url).href,
      name: 'generatePathfinderBlock',
      args: [settings, labelling, seed],
    },
    (start, end) => generatePathfinderBlock(settings, labelling, seed, start, end),
    count,
    blockSize,
    options,
  );
  for (const [index, block] of blocks.entries()) {
    images.set(block.images, index * blockSize * pixels);
    labels.set(block.labels, index * blockSize);
  }
  let start = 0;
  const split = (size: number) => {
    const end = start + size;
    const columns = {
      ids: column(images.subarray(start * pixels, end * pixels), [size, pixels]),
      labels: column(labels.subarray(start, end), [size]),
    };
    start = end;
    return columns;
  };
  const [train, dev, test] = [split(sizes.train), split(sizes.dev), split(sizes.test)];
  return { train, dev, test, vocabulary: 256, classes: 2, length: pixels };
}
