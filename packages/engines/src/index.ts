export { type EngineReport, reportEngines } from './report.js';
export { startEngine } from './start.js';
export { type InstallOptions, installTensorflow, megabytes } from './tensorflow/install.js';
export { installedTensorflow, type Manifest, tensorflowFolder } from './tensorflow/place.js';
