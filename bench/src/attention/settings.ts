import { mechanisms } from '@primal-attention/attention';
import type { Device } from '../command-line.js';
import type { Precision } from '../lra-step/settings.js';

/** The layer of the paper's Long Range Arena models. */
export const layerSizes = { features: 64, heads: 2 } as const;

/** What a configuration may depend on. */
export interface Situation {
  /** N. */
  readonly length: number;
  readonly device: Device;
  readonly precision: Precision;
}

/** A mechanism with a configuration. */
interface Variant {
  /** Its name in the registry. */
  readonly mechanism: string;
  /** What the layer is made with, beside its heads and its seed. */
  readonly config?: (situation: Situation) => Record<string, unknown>;
  /** Each output follows from its own token alone. */
  readonly mixesNothing?: true;
}

const favor = { scaling: 'once', maskMode: 'exact', randomFeatures: 256 };

/** What is timed, by the name that a command line and a result give it; the sizes are those of the LRA settings. */
export const variants: Readonly<Record<string, Variant>> = {
  softmax: { mechanism: 'softmax' },
  'fused-softmax': {
    mechanism: 'fused-softmax',
    // The kernel is bf16 whatever is asked for, and so is compared with others of bf16 only.
    config: ({ device, precision }) => ({
      kernel: device === 'cuda' && precision === 'bf16' ? 'cudnn' : 'blockwise',
    }),
  },
  linear: { mechanism: 'linear' },
  'linear-causal': { mechanism: 'linear', config: () => ({ causal: true }) },
  linformer: {
    mechanism: 'linformer',
    config: ({ length }) => ({ maxLength: length, rank: Math.min(256, length) }),
  },
  performer: { mechanism: 'performer', config: () => ({ randomFeatures: 256 }) },
  'performer-favor': { mechanism: 'performer', config: () => favor },
  'performer-relu': { mechanism: 'performer', config: () => ({ ...favor, kernel: 'relu' }) },
  nystromformer: {
    mechanism: 'nystromformer',
    config: () => ({ landmarks: 64, convolution: 35 }),
  },
  'nystromformer-no-convolution': { mechanism: 'nystromformer', config: () => ({ landmarks: 64 }) },
  reformer: {
    mechanism: 'reformer',
    config: ({ length }) => ({
      ...{ hashes: 2, chunkLength: 64 },
      ...(length > 64 && { buckets: reformerBuckets(length, 64) }),
    }),
  },
  longformer: {
    mechanism: 'longformer',
    config: ({ length }) => ({ window: Math.min(512, 2 * Math.ceil(length / 2)) }),
  },
  yoso: { mechanism: 'yoso', config: () => ({ codeLength: 12 }) },
  cosformer: { mechanism: 'cosformer' },
  'cosformer-causal': { mechanism: 'cosformer', config: () => ({ causal: true }) },
  // About as many landmarks for each length, as the official stages have 49 whatever the size of their grids.
  soft: { mechanism: 'soft', config: ({ length }) => ({ ratio: Math.ceil(length / 64) }) },
  flowformer: { mechanism: 'flowformer' },
  'flowformer-core': { mechanism: 'flowformer', config: () => ({ clamp: 1 }) },
  'flowformer-causal': { mechanism: 'flowformer', config: () => ({ causal: true }) },
  cosine: { mechanism: 'cosine' },
  primal: { mechanism: 'primal', config: () => ({ rank: 20, landmarks: 200 }) },
  'data-independent-primal': {
    mechanism: 'data-independent-primal',
    config: () => ({ rank: 20 }),
    mixesNothing: true,
  },
  'causal-primal': { mechanism: 'causal-primal', config: () => ({ rank: 20 }) },
};

/** The official choice, about two for each chunk; from 8192 tokens on in two factors. */
function reformerBuckets(length: number, chunkLength: number): number | [number, number] {
  const power = Math.floor(Math.log2(2 * Math.ceil(length / chunkLength)));
  if (2 ** power <= 2 * chunkLength) return 2 ** power;
  return [2 ** Math.floor(power / 2), 2 ** Math.ceil(power / 2)];
}

/** The variants whose mechanism the registry has. */
export function knownVariants(): string[] {
  return Object.keys(variants).filter((name) => Object.hasOwn(mechanisms, variants[name].mechanism));
}

/** What the registry has and nothing here times. */
export function withoutSettings(): string[] {
  const timed = new Set(Object.values(variants).map(({ mechanism }) => mechanism));
  return Object.keys(mechanisms).filter((name) => !timed.has(name));
}

/** One layer to be timed: what ours and the peer make of it is the same. */
export interface LayerCase {
  /** A key of {@link variants}. */
  readonly name: string;
  readonly mechanism: string;
  readonly config: Record<string, unknown>;
  readonly features: number;
  readonly heads: number;
  readonly length: number;
  readonly batch: number;
  readonly precision: Precision;
  readonly seed: number;
}

export function layerCase(name: string, batch: number, seed: number, situation: Situation): LayerCase {
  const { mechanism, config = () => ({}) } = variants[name];
  const { length, precision } = situation;
  return { name, mechanism, config: config(situation), ...layerSizes, length, batch, precision, seed };
}
