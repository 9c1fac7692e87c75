export {
  type Column,
  type ColumnData,
  type Columns,
  column,
  countSamples,
  type Splits,
  selectSamples,
  sliceSamples,
} from './arrays.js';
export {
  type BackgroundOptions,
  type Batch,
  type BatchOptions,
  batches,
  batchesInBackground,
  type LengthBuckets,
  type PlannedBatch,
  type PlanOptions,
  planBatches,
  prefetch,
  shareColumns,
} from './batches/index.js';
export {
  type CacheOptions,
  cached,
  hasProcessed,
  type ProcessedSet,
  processedFolder,
  type Recipe,
} from './cache/index.js';
export { dataFolder } from './data-folder.js';
export * from './images/index.js';
export * from './lra/index.js';
export { RandomStream } from './random.js';
export { type ExamineOptions, examine, type Finding } from './sources/examine.js';
export { type GetOptions, getSource } from './sources/get.js';
export { type Presence, type Source, sourceOf, sources } from './sources/registry.js';
export type { Verdict } from './sources/verify.js';
export type { TaskOptions } from './tasks/cached-set.js';
export {
  cachedListOps,
  cachedPathfinder,
  type GenerateTaskOptions,
  type ListOpsTaskSettings,
  type PathfinderTaskSettings,
} from './tasks/generated.js';
export {
  cachedCifar10,
  cachedImage,
  cachedMnist,
  cachedReleasedListOps,
  cachedReleasedPathfinder,
  cachedRetrieval,
  cachedText,
} from './tasks/loaded.js';
export { cachedUea, type UeaTask } from './tasks/uea.js';
export { cachedWikitext } from './tasks/wikitext.js';
export { type LoadUeaOptions, loadUea, loadUeaSplit, type UeaSet } from './uea/load-uea.js';
export { type ParseTsOptions, parseTs, type TimeSeriesCase, type TimeSeriesSet } from './uea/parse-ts.js';
export { type PreparedSet, type PreparedSplit, preprocess } from './uea/preprocess.js';
export {
  type DatasetEntry,
  type DatasetName,
  datasets,
  type Split,
  type SplitFacts,
} from './uea/registry.js';
export * from './wikitext/index.js';
