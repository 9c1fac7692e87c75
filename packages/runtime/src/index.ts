export { registerSideChannel, type SideChannel, type SideOutput } from './autodiff/side-channel.js';
export { stopGradient } from './autodiff/stop-gradient.js';
export { type BackendName, backendOrder, isBackendName, onAccelerator, useBackend } from './backend.js';
export { checkpoint } from './checkpoint.js';
export { type ComputationCost, costOf, devicePeakBytes } from './cost.js';
export { checkFusedAttentionSize, fusedAttention, hasFusedAttention } from './fused-attention.js';
export { isTracing, type JitFunction, jit } from './jit.js';
export {
  type AutocastPrecision,
  autocast,
  autocastPrecisions,
  type MatmulPrecision,
  matmulPrecisions,
  withMatmulPrecision,
} from './precision.js';
export { Probe } from './probe.js';
export { nextRandomKey, withRandomKey } from './random/ambient.js';
export {
  type DropoutDraw,
  dropout,
  dropoutDraws,
  foldIn,
  type MatrixWords,
  matrixDropout,
  matrixWords,
  type RandomKey,
  randomBernoulli,
  randomBits,
  randomKey,
  randomNormal,
  randomUniform,
  split,
} from './random/random.js';
export { RandomStream } from './random/stream.js';
export { type ScanOptions, type Stacked, scan } from './scan.js';
export { hasTileKernels, tileKernelRefusal } from './tile/backend.js';
export { type TileCallOptions, type TileGradientInputs, tileCall } from './tile/call.js';
export {
  checkTileSettings,
  chooseTile,
  type TakenTile,
  type TileCandidates,
  type TileChoice,
  type TriedCandidates,
  takenTiles,
  tileChoiceText,
  tileTuningSeconds,
} from './tile/choose.js';
export type { TileArray, TileDtype, TileProgram } from './tile/program.js';
export { tileStorage } from './tile/storage.js';
export { type TileKernels, tileKernels, withTileKernels } from './tile/switch.js';
