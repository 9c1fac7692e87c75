export type { Cell, MissingCell, ReportedCells } from './cells.js';
export { parseConfigOf, readConfigFile } from './config-file.js';
export { lacking, type Needs } from './lacking.js';
export { type PromotedRun, promoteRuns } from './promote.js';
export { type Provenance, provenance } from './provenance.js';
export { readableJson } from './readable-json.js';
export { exitStopped, type RunRequest, runMain } from './run-main.js';
export { claimRunPlace, finishedSummary } from './run-place.js';
export { writeWhole } from './write-whole.js';
