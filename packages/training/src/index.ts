export { BatchStream, type BatchStreamOptions, type Remainder } from './batch-stream.js';
export type { Column, ColumnBatch, Columns } from './batches.js';
export { clipByGlobalNorm } from './clip.js';
export { createEvaluator, type Evaluator } from './evaluate.js';
export { AdamW } from './optimizers/adamw.js';
export {
  MomentOptimizer,
  type MomentOptimizerOptions,
  type NamedTensor,
  type NamedVariables,
  type UpdateRule,
} from './optimizers/moment-optimizer.js';
export { RAdam } from './optimizers/radam.js';
export { autoProgress } from './progress/auto.js';
export { logProgress } from './progress/log.js';
export {
  formatDuration,
  formatProgress,
  type ProgressSink,
  type ProgressState,
  silentProgress,
} from './progress/sink.js';
export { type ProgressStream, terminalProgress } from './progress/terminal.js';
export {
  type CheckpointContents,
  type CheckpointTarget,
  type HostTensor,
  loadCheckpoint,
  readTensors,
  writeCheckpoint,
} from './run/checkpoint.js';
export { configHash } from './run/config-hash.js';
export { readJsonLines } from './run/json-lines.js';
export type { MetricsLine } from './run/metrics-log.js';
export type { BestEvaluation, FinishedRun, RunPosition } from './run/run-folder.js';
export { RunInUseError, refuseRunFolderInUse } from './run/run-lock.js';
export { constant, type OneCycleOptions, oneCycle, type Rates, type Schedule } from './schedule.js';
export { NonFiniteError } from './stretch.js';
export {
  paperEvaluations,
  type StepsOptions,
  StoppedError,
  type TrainOptions,
  type TrainResult,
  train,
} from './train.js';
export {
  type Batch,
  createTrainStep,
  type LossAndMetrics,
  type StepOutputs,
  type TrainStepOptions,
} from './train-step.js';
