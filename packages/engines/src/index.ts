// So that a notebook's cell can name what startEngine returns.
export type { BackendName } from '@primal-attention/runtime';
export { type EngineReport, reportEngines } from './report.js';
export { startEngine } from './start.js';
export { type InstallOptions, installTensorflow, megabytes } from './tensorflow/install.js';
export { installedTensorflow, type Manifest, tensorflowFolder } from './tensorflow/place.js';
