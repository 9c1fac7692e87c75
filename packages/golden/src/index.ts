export { type GoldenCase, goldenSection, goldenTensor, goldenValue, loadGolden } from './case.js';
export { type Computed, compareGolden, type Deviation, type HostValues, isWithin } from './compare.js';
export { lossAndGradients, outputsAndGradients, weightedSum } from './gradients.js';
export {
  type CaseResult,
  checkOf,
  describeCase,
  type GoldenCheck,
  type GoldenChecks,
  runCase,
  runGolden,
} from './run.js';
export {
  linearMap,
  normMap,
  setGoldenWeights,
  untransposedMap,
  type WeightMap,
  weightGradients,
} from './weights.js';
