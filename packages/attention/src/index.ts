export { depthwiseConvolution } from './depthwise-convolution.js';
export { linear, mergeHeads, splitHeads } from './heads.js';
export {
  initializerConfig,
  OrthogonalFeatures,
  OrthogonalHeads,
  type SeededConfig,
  SeededNormal,
  SeededUniform,
  torchUniform,
} from './initializers.js';
export {
  type AttentionConfig,
  AttentionLayer,
  type CallOptions,
  type Initialization,
  type LayerConfig,
  layerWeights,
  type Shape,
} from './layer.js';
export type { Example, ExampleSetting, MaskPromise, Mechanism } from './mechanism.js';
export { CausalPrimalAttention, type CausalPrimalAttentionConfig } from './mechanisms/causal-primal/layer.js';
export { prefixMean } from './mechanisms/causal-primal/prefix-mean.js';
export {
  type CosformerAttentionOptions,
  cosformerAttention,
} from './mechanisms/cosformer/cosformer.js';
export { CosformerAttention, type CosformerAttentionConfig } from './mechanisms/cosformer/layer.js';
export { type CosineAttentionOptions, cosineAttention } from './mechanisms/cosine/cosine.js';
export { CosineAttention, type CosineAttentionConfig } from './mechanisms/cosine/layer.js';
export {
  DataIndependentPrimalAttention,
  type DataIndependentPrimalAttentionConfig,
} from './mechanisms/data-independent-primal/layer.js';
export {
  type FlowformerAttentionOptions,
  flowformerAttention,
} from './mechanisms/flowformer/flowformer.js';
export { FlowformerAttention, type FlowformerAttentionConfig } from './mechanisms/flowformer/layer.js';
export { type BlockwiseAttentionOptions, blockwiseAttention } from './mechanisms/fused-softmax/blockwise.js';
export type { SoftmaxKernel, SoftmaxTiles } from './mechanisms/fused-softmax/launches.js';
export {
  type FusedKernel,
  FusedSoftmaxAttention,
  type FusedSoftmaxAttentionConfig,
} from './mechanisms/fused-softmax/layer.js';
export { LinearAttention, type LinearAttentionConfig } from './mechanisms/linear/layer.js';
export {
  eluFeatureMap,
  type LinearAttentionOptions,
  linearAttention,
} from './mechanisms/linear/linear.js';
export { LinformerAttention, type LinformerAttentionConfig } from './mechanisms/linformer/layer.js';
export { type LinformerAttentionOptions, linformerAttention } from './mechanisms/linformer/linformer.js';
export {
  type GlobalProjections,
  LongformerAttention,
  type LongformerAttentionConfig,
} from './mechanisms/longformer/layer.js';
export {
  type GlobalTokens,
  type LongformerAttentionOptions,
  longformerAttention,
} from './mechanisms/longformer/longformer.js';
export {
  NystromformerAttention,
  type NystromformerAttentionConfig,
} from './mechanisms/nystromformer/layer.js';
export { type NystromAttentionOptions, nystromAttention } from './mechanisms/nystromformer/nystromformer.js';
export type { PseudoInverseStart } from './mechanisms/nystromformer/pseudo-inverse.js';
export type { PerformerKernel } from './mechanisms/performer/features.js';
export { PerformerAttention, type PerformerAttentionConfig } from './mechanisms/performer/layer.js';
export {
  type PerformerAttentionOptions,
  type PerformerMaskMode,
  type PerformerScaling,
  performerAttention,
} from './mechanisms/performer/performer.js';
export { PrimalLayer, type PrimalLayerConfig } from './mechanisms/primal/base.js';
export {
  cosineFeatureMap,
  type FeatureMap,
  type FeatureMapName,
  positiveRandomFeatures,
} from './mechanisms/primal/feature-map.js';
export { type FoldedPrimal, foldedPrimal } from './mechanisms/primal/folded.js';
export {
  attachKsvdLoss,
  type KsvdRecord,
  type KsvdReduction,
  ksvdLoss,
  withLosses,
} from './mechanisms/primal/ksvd-loss.js';
export { landmarkPositions, takeRows } from './mechanisms/primal/landmarks.js';
export { PrimalAttention, type PrimalAttentionConfig } from './mechanisms/primal/layer.js';
export {
  combineScores,
  dataIndependentScores,
  jointProjections,
  type KsvdTerms,
  ksvdObjective,
  type PrimalScores,
  type Projections,
  primalScores,
  projectionTrace,
  weightTrace,
} from './mechanisms/primal/primal.js';
export { bucketFactors } from './mechanisms/reformer/hashing.js';
export {
  ReformerAttention,
  type ReformerAttentionConfig,
  type Rotations,
} from './mechanisms/reformer/layer.js';
export {
  type ReformerAttentionOptions,
  type ReformerResult,
  reformerAttention,
} from './mechanisms/reformer/reformer.js';
export type { Grid } from './mechanisms/soft/grid.js';
export { SoftAttention, type SoftAttentionConfig } from './mechanisms/soft/layer.js';
export {
  type SoftAttentionOptions,
  type SoftAttentionResult,
  type SoftLandmarkWeights,
  softAttention,
} from './mechanisms/soft/soft.js';
export { SoftmaxAttention, type SoftmaxAttentionConfig } from './mechanisms/softmax/layer.js';
export {
  type MaskMode,
  type SoftmaxAttentionOptions,
  softmaxAttention,
  softmaxAttentionByHead,
} from './mechanisms/softmax/softmax.js';
export { YosoAttention, type YosoAttentionConfig } from './mechanisms/yoso/layer.js';
export { type YosoAttentionOptions, type YosoGradient, yosoAttention } from './mechanisms/yoso/yoso.js';
export { QkvAttentionLayer } from './qkv-layer.js';
export { type AttentionOptions, createAttention, type MechanismName, mechanisms } from './registry.js';
export {
  onScores,
  type PrimalScoresEvent,
  type ProjectionScoresEvent,
  type SoftmaxScoresEvent,
} from './scores.js';
