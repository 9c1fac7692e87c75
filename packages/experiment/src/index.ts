export type { Cell, MissingCell, ReportedCells } from './cells.js';
export { deviceName, isOnGpu } from './device.js';
export { lacking, type Needs } from './lacking.js';
export { type Provenance, provenance } from './provenance.js';
export { exitStopped, type RunRequest, runMain } from './run-main.js';
export { writeWhole } from './write-whole.js';
