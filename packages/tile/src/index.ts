export { type Grid, type Launch, tileProgram } from './emit/tile-program.js';
export { tritonIr } from './emit/triton.js';
export { type Arguments, type ArrayOf, interpret, type Results } from './interpret/interpret.js';
export { interpretProgram } from './interpret/interpret-program.js';
export {
  type AdamWConfig,
  type AdamWSignature,
  adamWRates,
  adamw,
  adamwProgram,
  mostAdamWWeights,
} from './kernels/adamw.js';
export {
  type DropoutDraw,
  type DropoutKey,
  dropout,
  loadKey,
  randomBits,
  rowDropout,
} from './kernels/dropout.js';
export {
  type EmbeddingConfig,
  type EmbeddingGradientSignature,
  type EmbeddingGradientTiling,
  type EmbeddingSignature,
  type EmbeddingTiling,
  embedding,
  embeddingGradient,
  embeddingGradientProgram,
  embeddingProgram,
} from './kernels/embedding.js';
export {
  type FeedForwardConfig,
  type FeedForwardSignature,
  feedForward,
  feedForwardProgram,
} from './kernels/feed-forward.js';
export {
  type FeedForwardGradientSignature,
  feedForwardGradient,
  feedForwardGradientLayout,
  feedForwardGradientProgram,
} from './kernels/feed-forward-gradient.js';
export {
  type NormSumsConfig,
  type NormSumsGradientSignature,
  type NormSumsSignature,
  normSums,
  normSumsGradient,
  normSumsGradientProgram,
  normSumsProgram,
} from './kernels/norm-sums.js';
export { type PrimalSignature, primal, primalProgram } from './kernels/primal.js';
export {
  type PrimalGradientConfig,
  type PrimalGradientSignature,
  type PrimalWeightGradientSignature,
  primalGradient,
  primalGradientLayout,
  primalGradientProgram,
  primalWeightGradient,
  primalWeightGradientLayout,
  primalWeightGradientProgram,
} from './kernels/primal-gradient.js';
export type { PrimalConfig } from './kernels/primal-parts.js';
export type { RowLayout, RowPlace } from './kernels/row-layout.js';
export { isTileSize } from './kernels/row-tiles.js';
export { type SoftmaxSignature, softmaxAttention, softmaxAttentionProgram } from './kernels/softmax.js';
export {
  type SoftmaxKeyGradientSignature,
  type SoftmaxQueryGradientSignature,
  softmaxKeyGradient,
  softmaxKeyGradientProgram,
  softmaxQueryGradient,
  softmaxQueryGradientProgram,
} from './kernels/softmax-gradient.js';
export type { SoftmaxConfig, SoftmaxMaskMode } from './kernels/softmax-parts.js';
export { type SumRowsConfig, type SumRowsSignature, sumRows, sumRowsProgram } from './kernels/sum-rows.js';
export { writtenOnce } from './kernels/written-once.js';
export { arange, full, programId, scalar, zeros } from './language/create.js';
export { type DotOptions, dot } from './language/dot.js';
export type { Dtype, StoredDtype } from './language/dtype.js';
export {
  type Input,
  input,
  type Kernel,
  kernel,
  type Output,
  output,
  type Pointers,
  type Signature,
} from './language/kernel.js';
export { type Carried, type Extent, loop } from './language/loop.js';
export type { DotPrecision } from './language/op.js';
export {
  InputPointer,
  type LoadOptions,
  OutputPointer,
  Pointer,
  type StoreOptions,
} from './language/pointer.js';
export { type Operand, Tile } from './language/tile.js';
export { where } from './language/where.js';
export type { ArrayType, TileProgram } from './program.js';
