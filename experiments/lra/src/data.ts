import {
  type Columns,
  cachedImage,
  cachedListOps,
  cachedPathfinder,
  cachedReleasedListOps,
  cachedReleasedPathfinder,
  cachedRetrieval,
  cachedText,
  dataFolder,
  hasProcessed,
  type Splits,
  sourceOf,
} from '@primal-attention/datasets';
import type { RunConfig } from './config.js';

/** The samples of a run. Columns: `ids` (or `ids0` and `ids1`) [samples, N], and `labels` [samples]. */
export interface TaskData {
  readonly train: Columns;
  readonly dev: Columns;
  readonly test: Columns;
}

/** Loads or generates the samples of a run, through the cache of processed sets. */
export async function loadTask(config: RunConfig): Promise<TaskData> {
  const { train, dev, test } = await splitsOf(config);
  return { train, dev: dev!, test };
}

function splitsOf(config: RunConfig): Promise<Splits<string>> {
  switch (config.task) {
    case 'ListOps': {
      if (config.data.source === 'release') return cachedReleasedListOps();
      const { source: _, ...settings } = config.data;
      return cachedListOps(settings);
    }
    case 'Text':
      return cachedText(config.data);
    case 'Retrieval':
      return cachedRetrieval(config.data);
    case 'Image':
      return cachedImage(config.data);
    case 'Pathfinder': {
      const { source, ...settings } = config.data;
      return source === 'release' ? cachedReleasedPathfinder(settings) : cachedPathfinder(settings);
    }
  }
}

/** What a run's data lacks here, in words; undefined where nothing does. */
export async function missingData(config: RunConfig): Promise<string | undefined> {
  const name = sourceName(config);
  if (name === undefined) return undefined;
  const { missing } = await sourceOf(name).find(dataFolder());
  // A GPU node may have what was made from the files in their place.
  if (missing.length === 0 || (await hasProcessed(name))) return undefined;
  return `${missing.join(', ')} is not in ${dataFolder()}; get it with: pnpm primal data get ${name}`;
}

/** The set that `pnpm primal data` knows; none where the samples are generated. */
function sourceName({ task, data }: RunConfig): string | undefined {
  if ('source' in data) return data.source === 'release' ? 'lra-release' : undefined;
  return { Text: 'text', Retrieval: 'retrieval', Image: 'image', ListOps: undefined, Pathfinder: undefined }[
    task
  ];
}
