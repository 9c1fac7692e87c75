import type { Splits } from '../arrays.js';
import type { Json } from '../cache/index.js';
import { type Cifar10Set, type LoadCifar10Options, loadCifar10 } from '../images/cifar10.js';
import { type LoadMnistOptions, loadMnist, type MnistSet } from '../images/mnist.js';
import { type ImageSet, type LoadImageOptions, loadImage } from '../lra/image/index.js';
import { type ListOpsSet, type LoadListOpsOptions, loadListOps } from '../lra/listops/index.js';
import { type LoadPathfinderOptions, loadPathfinder, type PathfinderSet } from '../lra/pathfinder/index.js';
import { type LoadRetrievalOptions, loadRetrieval, type RetrievalSet } from '../lra/retrieval/index.js';
import { type LoadTextOptions, loadText, type TextSet } from '../lra/text/index.js';
import { finders } from '../sources/finders.js';
import type { Finder } from '../sources/presence.js';
import { cachedSet, type TaskOptions } from './cached-set.js';

/** Settings of a loader; the folder is among the options of the cache (`data`). */
type Settings<O> = Omit<O, 'folder'>;

/** `load(settings)` through the cache, found by the checksums of what `find` finds; `defaults` make entries of equal settings equal. */
function through<O extends { folder?: string }, S extends Splits>(
  name: string,
  version: number,
  find: Finder,
  load: (options: O) => Promise<S>,
  defaults: Partial<Settings<O>> = {},
): (settings?: Settings<O>, options?: TaskOptions) => Promise<S> {
  return (settings = {} as Settings<O>, options = {}) =>
    cachedSet(
      {
        name,
        version,
        options: { ...defaults, ...settings } as unknown as Json,
        find,
        make: (folder) => load({ ...settings, folder } as O),
      },
      options,
    );
}

/** `loadListOps`, LRA's own files, through the cache. */
export const cachedReleasedListOps = through<LoadListOpsOptions, ListOpsSet>(
  'listops-release',
  1,
  finders.listops,
  loadListOps,
  { closing: 'kept' },
);

/** `loadPathfinder`, LRA's own images, through the cache. */
export const cachedReleasedPathfinder = through<LoadPathfinderOptions, PathfinderSet>(
  'pathfinder-release',
  1,
  finders.pathfinder,
  loadPathfinder,
);

/** `loadText` through the cache. */
export const cachedText = through<LoadTextOptions, TextSet>('text', 1, finders.text, loadText, {
  dev: 'test',
  sizes: 'published',
});

/** `loadRetrieval` through the cache. */
export const cachedRetrieval = through<LoadRetrievalOptions, RetrievalSet>(
  'retrieval',
  1,
  finders.retrieval,
  loadRetrieval,
);

/** `loadImage` through the cache. */
export const cachedImage = through<LoadImageOptions, ImageSet>('image', 1, finders.image, loadImage, {
  dev: 5000,
  rounding: 'tensorflow',
});

/** `loadCifar10` through the cache. */
export const cachedCifar10 = through<LoadCifar10Options, Cifar10Set>(
  'cifar10',
  1,
  finders.image,
  loadCifar10,
);

/** `loadMnist` through the cache. */
export const cachedMnist = through<LoadMnistOptions, MnistSet>('mnist', 1, finders.mnist, loadMnist);
