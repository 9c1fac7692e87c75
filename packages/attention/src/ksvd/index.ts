export { cosineRows, positiveRandomRows, type RowFeatureMap } from './feature-maps.js';
export { ksvdPenalty, mergeScores } from './loss.js';
export {
  type KsvdParts,
  type KsvdProblem,
  type KsvdWeights,
  kernel,
  type ObjectiveOptions,
  objective,
  objectiveGradients,
  primalProjection,
} from './problem.js';
export {
  dualPointScores,
  type KsvdSolution,
  type PointScores,
  primalPointScores,
  solveKsvd,
} from './solution.js';
