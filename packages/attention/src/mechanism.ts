import type { AttentionConfig, AttentionLayer } from './layer.js';

/** What a mask [B, N] among a layer's inputs does. */
export type MaskPromise =
  /** Padded keys cannot change the output of a real token. */
  | 'exact'
  /** They can, in the way that `maskNote` says; most often an option mends it. */
  | 'partial'
  /** A mask among the inputs is refused. */
  | 'refused';

/** What the registry knows of an attention mechanism: how to make it, what it promises, where it comes from. */
export interface Mechanism<Config extends AttentionConfig = AttentionConfig> {
  /** As `createAttention` takes it, in kebab case: `data-independent-primal`. */
  name: string;
  /** As a table prints it: `Primal (data-independent)`. */
  title: string;
  layer: new (config: Config) => AttentionLayer;
  /** The layer's own options, beside those of every attention layer. */
  options: readonly (keyof Config & string)[];
  /** Time per layer as growth in N, p, and the mechanism's own sizes: `N p s`. */
  time: string;
  memory: string;
  /** `never`; `always`; or `option`, when the option `causal: true` makes it so. */
  causal: 'never' | 'always' | 'option';
  mask: MaskPromise;
  /** With the default options: how a `partial` mask falls short, or what else is to be known of an `exact` one. */
  maskNote?: string;
  /** Whether a sample's output depends on its batch mates with the default options; a text says how. */
  batchIndependent: true | string;
  /** The tables of the paper that have it: `1 (UEA)`, `3 (LRA)`, `4 (LRA efficiency)`, `D4RL`, `ImageNet`, `WikiText`. */
  tables: readonly string[];
  /** Paper, repository and file. */
  source: string;
  /**
   * Small configurations, one per variant worth testing, for sequences of at most `maxLength` tokens: the property-based
   * tests run all of them. The first is the one that benchmarks take.
   */
  examples: (setting: ExampleSetting) => readonly [Example<Config>, ...Example<Config>[]];
}

/** What a mechanism's examples must fit. */
export interface ExampleSetting {
  heads: number;
  /** The longest sequence there will be. */
  maxLength: number;
}

/** One variant of a mechanism, and where it promises something else than the registry's entry says. */
export interface Example<Config> {
  /** As a test prints it: `causal`, `with convolution`. */
  variant: string;
  config: Config;
  /** Default: `causal` of the mechanism is `always`. */
  causal?: boolean;
  mask?: MaskPromise;
  batchIndependent?: boolean;
}
