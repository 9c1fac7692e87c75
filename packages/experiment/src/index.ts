export type { Cell, MissingCell, ReportedCells } from './cells.js';
export { parseConfigOf, readConfigFile, readJsonConfig } from './config-file.js';
export { cardOf, deviceName, isOnGpu } from './device.js';
export { type KernelUse, watchKernels } from './kernel-use.js';
export { lacking, type Needs } from './lacking.js';
export { type PromotedRun, promoteRuns } from './promote.js';
export { type Provenance, provenance } from './provenance.js';
export { readableJson } from './readable-json.js';
export { type CommonSummary, type Experiment, makeRun } from './run.js';
export { RunError } from './run-error.js';
export { exitStopped, type RunRequest, runMain } from './run-main.js';
export { finishedPlaces, placesOf, type RunPlaces } from './run-place.js';
export { groupBySeed, type OverSeeds, overSeeds, readSummaries, sourcesOf } from './summaries.js';
export {
  expandRuns,
  idOf,
  lessConfig,
  type Precision,
  parseId,
  type RunOfList,
  type Variant,
  variantArguments,
} from './variant.js';
export { writeWhole } from './write-whole.js';
