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
  type Splits,
  sourceOf,
} from '@primal-attention/datasets';
import type { Needs } from '@primal-attention/experiment';
import type { RunConfig } from './config.js';

/** The samples of a run. Columns: `ids` (or `ids0` and `ids1`) [samples, N], and `labels` [samples]. */
export interface TaskData {
  readonly train: Columns;
  readonly dev: Columns;
  readonly test: Columns;
  /** Beside the published test set. */
  readonly further?: Columns;
}

/** Loads or generates the samples of a run, through the cache of processed sets. */
export async function loadTask(config: RunConfig): Promise<TaskData> {
  const { train, dev, test } = await splitsOf(config);
  const further = await furtherOf(config);
  return { train, dev: dev!, test, ...(further && { further }) };
}

async function furtherOf({ task, data }: RunConfig): Promise<Columns | undefined> {
  if (task !== 'ListOps' || data.source === 'release' || data.further === undefined) return undefined;
  const { source: _, further, ...settings } = data;
  const sizes = { train: 0, dev: 0, test: further.samples };
  return (await cachedListOps({ ...settings, seed: further.seed, sizes })).test;
}

function splitsOf(config: RunConfig): Promise<Splits<string>> {
  switch (config.task) {
    case 'ListOps': {
      if (config.data.source === 'release') return cachedReleasedListOps({ closing: config.data.closing });
      const { source: _, further: __, ...settings } = config.data;
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

/** The set of a run, and which of its parts are not on this machine; what is generated lacks nothing. */
export async function missingData(config: RunConfig): Promise<Pick<Needs, 'dataset' | 'missing'>> {
  const dataset = sourceName(config);
  if (dataset === undefined) return { dataset: config.task, missing: [] };
  return { dataset, missing: (await sourceOf(dataset).find(dataFolder())).missing };
}

/** The set that `pnpm primal data` knows; none where the samples are generated. */
function sourceName({ task, data }: RunConfig): string | undefined {
  if ('source' in data) return data.source === 'release' ? 'lra-release' : undefined;
  return { Text: 'text', Retrieval: 'retrieval', Image: 'image', ListOps: undefined, Pathfinder: undefined }[
    task
  ];
}
