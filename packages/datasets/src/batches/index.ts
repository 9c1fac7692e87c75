export { type BackgroundOptions, batchesInBackground, shareColumns } from './background.js';
export { type BatchOptions, batches } from './batches.js';
export type { Batch } from './gather.js';
export { type LengthBuckets, type PlannedBatch, type PlanOptions, planBatches } from './plan.js';
export { prefetch } from './prefetch.js';
