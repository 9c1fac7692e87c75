export type { AttentionKind, OwnMechanism, TransformerConfig } from './config.js';
export {
  actionLoss,
  type DecisionTransformerConfig,
  decisionTransformer,
} from './decision-transformer.js';
export { checkKernelOptions, type KernelName, type KernelOptions } from './kernels/launches.js';
export { FeedForwardBlock } from './layers/feed-forward-block.js';
export { Interleave, TakeInterleaved } from './layers/interleave.js';
export { KernelBlock, type KernelCall } from './layers/kernel-block.js';
export { LayerNorm } from './layers/layer-norm.js';
export { LearnedPositions, type LearnedPositionsConfig } from './layers/learned-positions.js';
export { MaskTokens, MeanTokens, NonZeroMask } from './layers/masks.js';
export { MeanBlock } from './layers/mean-block.js';
export { PairFeatures } from './layers/pair-features.js';
export { PrimalBlock } from './layers/primal-block.js';
export { StatelessDropout } from './layers/stateless-dropout.js';
export { type LraClassifierConfig, lraClassifier } from './lra.js';
export { attentionLayers, namedWeights } from './named-weights.js';
export { type UeaClassifierConfig, ueaClassifier } from './uea.js';
