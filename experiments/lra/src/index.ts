export { cells } from './cells.js';
export { parseConfig, type RunConfig, readConfig } from './config.js';
export { loadTask, type TaskData } from './data.js';
export { experimentFolder, runIds } from './folder.js';
export type { KernelSession } from './kernels.js';
export { buildModel, evaluationMetrics, type LraBatch, trainingLoss } from './model.js';
export { lraExperiment } from './run.js';
export type { RunSummary, TestAccuracy } from './summary.js';
export { type TaskFacts, type TaskName, tableModels, tasks } from './tasks.js';
