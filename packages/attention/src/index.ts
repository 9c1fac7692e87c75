export { cosineFeatureMap } from './feature-map.js';
export { linear, mergeHeads, splitHeads } from './heads.js';
export {
  initializerConfig,
  OrthogonalHeads,
  type SeededConfig,
  SeededNormal,
  SeededUniform,
  torchUniform,
} from './initializers.js';
export {
  attachKsvdLoss,
  type KsvdRecord,
  type KsvdReduction,
  ksvdLoss,
  withLosses,
} from './ksvd-loss.js';
export { landmarkPositions, takeRows } from './landmarks.js';
export {
  type AttentionConfig,
  AttentionLayer,
  type CallOptions,
  type LayerConfig,
} from './layers/attention-layer.js';
export { PrimalAttention, type PrimalAttentionConfig } from './layers/primal-attention.js';
export { SoftmaxAttention, type SoftmaxAttentionConfig } from './layers/softmax-attention.js';
export {
  combineScores,
  type KsvdTerms,
  ksvdObjective,
  type PrimalScores,
  type Projections,
  primalScores,
  projectionTrace,
  weightTrace,
} from './primal.js';
export { onScores, type PrimalScoresEvent, type SoftmaxScoresEvent } from './scores.js';
export {
  type MaskMode,
  type SoftmaxAttentionOptions,
  softmaxAttention,
  softmaxAttentionByHead,
} from './softmax.js';
