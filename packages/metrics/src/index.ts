export { accuracy, confusionMatrix } from './accuracy.js';
export type { RealArray } from './array.js';
export { MeanMetric } from './mean.js';
export { type PrimalFeatures, primalSingularValues } from './primal-spectrum.js';
export { singularValues } from './singular-values.js';
export {
  attentionSpectrum,
  averageCurves,
  type CurveStatistics,
  componentsFor,
  cumulativeSpectrum,
  primalSpectrum,
  type SpectrumOptions,
} from './spectrum.js';
