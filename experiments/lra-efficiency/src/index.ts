export { cells, cellsOf } from './cells.js';
export { type CommittedResults, committedResults } from './committed.js';
export { modelsFigure, scalingFigure } from './figures.js';
export {
  type Failure,
  formName,
  hasOutcome,
  type Line,
  type MeasuredLine,
  type Measurement,
  type Origin,
  type Outcome,
  type Protocol,
} from './measurement.js';
export { type OfficialLine, type OfficialNumbers, officialNumbers, type Range } from './official.js';
export type { PeerName } from './peers.js';
export {
  type Curve,
  crossoverSentence,
  crossoverSentences,
  curvesOf,
  type LinearFit,
  linearFit,
} from './scaling.js';
export {
  type KernelForm,
  type ModelName,
  modelNames,
  models,
  type Precision,
  type ScheduleName,
  type Task,
  type TaskName,
  taskNames,
  tasks,
} from './settings.js';
