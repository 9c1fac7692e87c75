export { type BackendName, backendOrder, useBackend } from './backend.js';
export { isTracing, type JitFunction, jit } from './jit.js';
export { Probe } from './probe.js';
export { nextRandomKey, withRandomKey } from './random/ambient.js';
export {
  dropout,
  foldIn,
  type RandomKey,
  randomBernoulli,
  randomBits,
  randomKey,
  randomNormal,
  randomUniform,
  split,
} from './random/random.js';
export { RandomStream } from './random/stream.js';
