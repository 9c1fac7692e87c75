import {
  type MaskMode,
  type Mechanism,
  type MechanismName,
  type AttentionOptions as MechanismOptions,
  mechanisms,
} from '@primal-attention/attention';

/** A layer's attention, by the name that `createAttention` takes. */
export type AttentionKind = MechanismName;

/** A mechanism that the registry does not have: a `Mechanism` of your own. The model gives its layers name, heads and seed. */
export type OwnMechanism = Pick<Mechanism, 'name' | 'layer'>;

/** Options of mechanisms by their names, beside what the model itself sets: `{ nystromformer: { landmarks: 64 } }`. */
export type MechanismSettings = { readonly [Name in MechanismName]?: Partial<MechanismOptions<Name>> };

/** What the models have in common. */
export interface TransformerConfig {
  /**
   * The attention of each layer, first layer first: `['primal', 'primal']` is the paper's Primal., `['softmax', 'primal']`
   * its Primal.+Trans., `['softmax', 'softmax']` its Trans. (or Transformer). A mechanism of your own stands there itself.
   */
  attention: readonly (AttentionKind | OwnMechanism)[];
  /**
   * Options of the mechanisms, by name. They go before what the model would set: heads, the seed, rank and landmarks of
   * `primal`, the rate of dropout on attention weights (`softmax`, `fused-softmax`, `longformer`), and `maskMode` of `softmax`
   * and of `fused-softmax` by kernel `tile`.
   */
  mechanismOptions?: MechanismSettings;
  /** s, the rank of Primal layers; needed when there are any. */
  rank?: number;
  /** n = rank * rankMultiplier, the number of rows in f(X). Default 10. */
  rankMultiplier?: number;
  /** d. */
  modelSize?: number;
  /** H. */
  heads?: number;
  /** The hidden size of the feed-forward part. */
  feedForward?: number;
  /** Rate of all dropout, on softmax attention weights too. Default 0.1. */
  dropout?: number;
  /** Initial weights follow from it. Default 0. */
  seed?: number;
}

export const transformerKeys = [
  'attention',
  'mechanismOptions',
  'rank',
  'rankMultiplier',
  'modelSize',
  'heads',
  'feedForward',
  'dropout',
  'seed',
] as const;

/** What a model's attention layers need beyond their names. */
export interface AttentionOptions {
  heads: number;
  rank: number | undefined;
  rankMultiplier: number;
  /** Clips n, where the code in question does. */
  maxLength?: number;
  dropout: number;
  seed: number;
  trace?: 'weights' | 'projections';
  maskMode?: MaskMode;
  maskLandmarks?: boolean;
  mechanismOptions?: MechanismSettings;
}

/**
 * Refuses unknown keys, sizes that are no positive integers, and a list of attention kinds with others than `kinds`. Without
 * `kinds`: than the registry's mechanisms and those of one's own.
 */
export function checkConfig(
  caller: string,
  config: TransformerConfig,
  keys: readonly string[],
  sizes: Record<string, unknown>,
  kinds?: readonly string[],
): void {
  for (const key of Object.keys(config)) {
    if (!keys.includes(key))
      throw new Error(`${caller}: unknown key '${key}'; expected one of ${keys.join(', ')}`);
  }
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isSafeInteger(size) || (size as number) < 1) {
      throw new Error(`${caller}: ${name} must be a positive integer, got ${String(size)}`);
    }
  }
  const { attention, rank } = config;
  const names = kinds ?? Object.keys(mechanisms);
  const isKnown = (kind: unknown): boolean =>
    typeof kind === 'string' ? names.includes(kind) : kinds === undefined && isOwnMechanism(kind);
  if (!Array.isArray(attention) || attention.length === 0 || !attention.every(isKnown)) {
    const own = kinds === undefined ? ', or give a Mechanism of your own' : '';
    throw new Error(
      `${caller}: attention must list a mechanism for each layer, got ${JSON.stringify(attention)}; ` +
        `choose among ${names.join(', ')}${own}`,
    );
  }
  for (const name of Object.keys(config.mechanismOptions ?? {})) {
    if (attention.includes(name as AttentionKind)) continue;
    const list = attention.map((kind) => (typeof kind === 'string' ? kind : kind.name)).join(', ');
    throw new Error(`${caller}: mechanismOptions has '${name}', which no layer of ${list} is`);
  }
  if (attention.includes('primal') && (!Number.isSafeInteger(rank) || (rank as number) < 1)) {
    throw new Error(`${caller}: primal layers need a rank, a positive integer; got ${String(rank)}`);
  }
}

function isOwnMechanism(kind: unknown): kind is OwnMechanism {
  const { name, layer } = (kind ?? {}) as Partial<OwnMechanism>;
  return typeof name === 'string' && typeof layer === 'function';
}
