export { cells } from './cells.js';
export { modelNames, parseConfig, type RunConfig, readConfig } from './config.js';
export { accuracyFigure, ksvdFigure, lossFigure, spectrumFigure } from './figures.js';
export { buildModel, evaluationMetrics, trainingLoss, type UeaBatch } from './model.js';
export { paperAccuracy } from './paper.js';
export { inPaperOrder, type TableRow, tableRow } from './rows.js';
export { type LayerSpectrum, layerSpectra } from './spectra.js';
export {
  configOf,
  experimentFolder,
  finishedIds,
  type LoadedRun,
  loadRun,
  type RunSummary,
  runIds,
} from './summary.js';
