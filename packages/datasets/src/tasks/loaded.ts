import type { Splits } from '../arrays.js';
import type { Json } from '../cache/index.js';
import { type ListOpsSet, type LoadListOpsOptions, loadListOps } from '../lra/listops/index.js';
import { type LoadPathfinderOptions, loadPathfinder, type PathfinderSet } from '../lra/pathfinder/index.js';
import { finders } from '../sources/finders.js';
import type { Finder } from '../sources/presence.js';
import { cachedSet, type TaskOptions } from './cached-set.js';

/** Settings of a loader; the folder is among the options of the cache (`data`). */
type Settings<O> = Omit<O, 'folder'>;

/** `load(settings)` through the cache, found by the checksums of what `find` finds. */
function through<O extends { folder?: string }, S extends Splits>(
  name: string,
  version: number,
  find: Finder,
  load: (options: O) => Promise<S>,
): (settings?: Settings<O>, options?: TaskOptions) => Promise<S> {
  return (settings = {} as Settings<O>, options = {}) =>
    cachedSet(
      {
        name,
        version,
        options: settings as unknown as Json,
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
);

/** `loadPathfinder`, LRA's own images, through the cache. */
export const cachedReleasedPathfinder = through<LoadPathfinderOptions, PathfinderSet>(
  'pathfinder-release',
  1,
  finders.pathfinder,
  loadPathfinder,
);
