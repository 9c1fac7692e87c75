import { flopsOf } from '../emit/flops.js';
import { arange, full, programId } from '../language/create.js';
import { input, type Kernel } from '../language/kernel.js';
import type { InputPointer, OutputPointer, Pointer } from '../language/pointer.js';
import type { Operand, Tile } from '../language/tile.js';
import { where } from '../language/where.js';
import { keptOfMatrix } from './dropout.js';
import { rowOffsets } from './matrix.js';
import { checkCounts, checkTileSize } from './row-tiles.js';
import { checkChoice, checkSettings } from './settings.js';

/**
 * What a mask does to the score of a padded key, and `causal` to that of a later key, as in @primal-attention/attention.
 *
 * - `exact`: neither has any weight. A query that no key is left for gets zeros, with zero gradients.
 * - `additive`: 1e6 is taken from the score of a padded key; later keys have no weight. A sample whose keys are all padded gets
 *   about the mean of its values.
 * - `gpt2`: -1e4 replaces the score of a later key, and 1e4 is taken from that of a padded one, later or not.
 */
export type SoftmaxMaskMode = 'exact' | 'additive' | 'gpt2';

const maskModes: readonly SoftmaxMaskMode[] = ['exact', 'additive', 'gpt2'];

/** What is taken from the score of a padded key. */
const penalties = { additive: 1e6, gpt2: 1e4 } as const;

/** What a softmax-attention kernel is made for. */
export interface SoftmaxConfig {
  /** B, samples. */
  readonly batch: number;
  /** N, tokens of a sample. */
  readonly length: number;
  /** H. */
  readonly heads: number;
  /**
   * p, features of a head: a power of two, 16 or more. Beyond 128 the default tiles take more registers and shared memory than
   * there are.
   */
  readonly headSize: number;
  /** Whether there is a mask of padded keys. Default false. */
  readonly maskKeys?: boolean;
  /** Default `exact`. */
  readonly maskMode?: SoftmaxMaskMode;
  /** Keeps queries from the keys after them: j <= i. Default false. */
  readonly causal?: boolean;
  /** Of the weights' dropout. Default 0. */
  readonly rate?: number;
  /** How tokens are stored, and multiplied: float32 as TF32. Default bfloat16. */
  readonly dtype?: 'bfloat16' | 'float32';
  /**
   * Queries whose weights are computed at once: a power of two, 16 or more. Default 128; 32 in `softmaxKeyGradient`.
   */
  readonly queriesPerTile?: number;
  /**
   * Keys whose weights are computed at once: a power of two, 16 or more. Default 64; 32 in `softmaxQueryGradient`, 128 in
   * `softmaxKeyGradient`.
   */
  readonly keysPerTile?: number;
}

/** A configuration with nothing left open. */
export interface FullSoftmaxConfig extends Required<SoftmaxConfig> {
  /** d = H p. */
  readonly width: number;
}

/** Fills in defaults. @throws Error when there is no kernel for it */
export function checkSoftmax(
  caller: string,
  config: SoftmaxConfig,
  tiles: { readonly queriesPerTile: number; readonly keysPerTile: number },
): FullSoftmaxConfig {
  const { batch, length, heads, headSize, maskKeys = false, maskMode = 'exact', causal = false } = config;
  const { rate = 0, dtype = 'bfloat16' } = config;
  const { queriesPerTile = tiles.queriesPerTile, keysPerTile = tiles.keysPerTile } = config;
  checkCounts(caller, { batch, length, heads });
  checkTileSize(caller, 'headSize', headSize);
  checkSettings(caller, { rate, dtype });
  checkChoice(caller, 'maskMode', maskMode, maskModes);
  for (const [name, n] of Object.entries({ queriesPerTile, keysPerTile })) {
    checkTileSize(caller, name, n);
  }
  return {
    batch,
    length,
    heads,
    headSize,
    width: heads * headSize,
    maskKeys,
    maskMode,
    causal,
    rate,
    dtype,
    queriesPerTile,
    keysPerTile,
  };
}

/** 1 / sqrt(p). */
export function scaleOf({ headSize }: FullSoftmaxConfig): number {
  return 1 / Math.sqrt(headSize);
}

/** Whether scores may be numbers so large that float32 holds little of what tells them apart. */
function hasPenalty({ maskMode, maskKeys, causal }: FullSoftmaxConfig): boolean {
  return maskMode !== 'exact' && (maskKeys || (causal && maskMode === 'gpt2'));
}

/**
 * The unit of scores. It is log 2, so that exponentials are powers of 2, which are what a GPU has. Beside a penalty scores would
 * lose other bits than those of the plain formulation by that, so that there they are themselves.
 */
export function unitOf(config: FullSoftmaxConfig): number {
  return hasPenalty(config) ? 1 : Math.LN2;
}

/** Exponentials of numbers in units of {@link unitOf}. */
export function powers(config: FullSoftmaxConfig, exponents: Tile): Tile {
  return (hasPenalty(config) ? exponents.mul(Math.LOG2E) : exponents).exp2();
}

/** Whether no query sees a later key at all, so that such tiles need not be computed. */
export function skipsLaterKeys({ causal, maskMode }: FullSoftmaxConfig): boolean {
  return causal && maskMode !== 'gpt2';
}

/*
 * The grid's axes are tiles of tokens, samples and heads: programs that run at the same time mostly share their keys.
 */

/** The grid whose programs take all tokens of all heads. */
export function tokenGrid(
  { length, batch, heads }: FullSoftmaxConfig,
  count: number,
): [number, number, number] {
  return [Math.ceil(length / count), batch, heads];
}

/** Some tokens that follow one another, in this program's sample and head. */
export class TokenTile {
  readonly #config: FullSoftmaxConfig;
  /** Which tokens of the sample they are, int32 [count]. */
  readonly positions: Tile;
  /** Which of them there are, bool [count]; nothing where all of them are. */
  readonly inside: Tile | undefined;

  /** @param first a multiple of `count`, int32 scalar */
  constructor(config: FullSoftmaxConfig, first: Tile, count: number) {
    this.#config = config;
    this.positions = first.add(arange(count));
    this.inside = config.length % count === 0 ? undefined : this.positions.less(config.length);
  }

  /** Their features, 0 beyond the end: of an array [B, N, d] the columns of the head, [count, p]. */
  load(pointer: InputPointer): Tile {
    const { offsets, mask } = this.#features();
    return this.#head(pointer).load(offsets, { mask });
  }

  /** Writes their features, as many as there are. @param values float32 [count, p] */
  store(pointer: OutputPointer, values: Tile): void {
    const { offsets, mask } = this.#features();
    this.#head(pointer).store(offsets, values.cast(pointer.dtype), { mask });
  }

  /** One number of each, of an array [B, H, N], [count]. @param other what stands beyond the end */
  loadNumbers(pointer: InputPointer, other: number): Tile {
    return this.#numbers(pointer).load(this.positions, { mask: this.inside, other });
  }

  /** Writes one number of each. @param values float32 [count] */
  storeNumbers(pointer: OutputPointer, values: Tile): void {
    this.#numbers(pointer).store(this.positions, values, { mask: this.inside });
  }

  /** A word of each for dropout, of an array [H, B, N], uint32 [count]. */
  loadRowWords(pointer: InputPointer): Tile {
    const { batch, length } = this.#config;
    const matrix = programId(2).mul(batch).add(programId(1));
    return pointer.plus(matrix.mul(length)).load(this.positions, { mask: this.inside }).cast('uint32');
  }

  /** A word of each for dropout, of an array [N], uint32 [count]. */
  loadColumnWords(pointer: InputPointer): Tile {
    return pointer.load(this.positions, { mask: this.inside }).cast('uint32');
  }

  /** One number of each, of an array [B, N] that all heads share, 0 beyond the end, [count]. */
  loadShared(pointer: InputPointer): Tile {
    const sample = pointer.plus(programId(1).mul(this.#config.length));
    return sample.load(this.positions, { mask: this.inside });
  }

  #features(): { offsets: Tile; mask: Tile | undefined } {
    const { headSize, width } = this.#config;
    return { offsets: rowOffsets(this.positions, headSize, width), mask: this.inside?.expandDims(1) };
  }

  #head<P extends Pointer>(pointer: P): P {
    const { length, width, headSize } = this.#config;
    return pointer.plus(programId(1).mul(length * width)).plus(programId(2).mul(headSize));
  }

  #numbers<P extends Pointer>(pointer: P): P {
    const { length, heads } = this.#config;
    return pointer.plus(programId(1).mul(heads).add(programId(2)).mul(length));
  }
}

/** What a tile of weights is made of besides the products q_i . k_j, along the axis of queries and along that of keys. */
interface WeightParts {
  readonly queries: TokenTile;
  readonly keys: TokenTile;
  /** What {@link maskOf} gives for the keys. */
  readonly mask: Tile | undefined;
  /** Words for dropout of the queries and of the keys, uint32; nothing without dropout. */
  readonly rows: Tile | undefined;
  readonly columns: Tile | undefined;
}

/** What is added to the scores of keys, float32 [count]; nothing where all keys have weight. */
export function maskOf(config: FullSoftmaxConfig, keys: TokenTile, mask: InputPointer): Tile | undefined {
  const none = Number.NEGATIVE_INFINITY;
  const { maskMode, maskKeys } = config;
  let added: Tile | undefined;
  if (maskKeys) {
    const real = keys.loadShared(mask);
    added =
      maskMode === 'exact'
        ? where(real.notEqual(0), 0, full(real.shape, none))
        : real.mul(penalties[maskMode]).sub(penalties[maskMode]);
  }
  if (keys.inside === undefined) return added;
  return where(keys.inside, added ?? 0, full(keys.inside.shape, none));
}

/**
 * The weights of some queries and some keys. Each operation here is done N^2 times, and there are many of them beside the
 * products, which are small: so exponentials are powers of 2, whose instruction a GPU has, factors are folded into one, and what
 * is the same for all queries or keys is done outside.
 */
export class WeightTile {
  readonly #config: FullSoftmaxConfig;
  readonly #queryAxis: 0 | 1;
  readonly #mask: Tile | undefined;
  /** j <= i; nothing without `causal`. */
  readonly #earlier: Tile | undefined;
  readonly #kept: Tile | undefined;

  /** @param queryAxis 0 for tiles [queries, keys], 1 for [keys, queries] */
  constructor(
    config: FullSoftmaxConfig,
    { queries, keys, mask, rows, columns }: WeightParts,
    queryAxis: 0 | 1,
  ) {
    this.#config = config;
    this.#queryAxis = queryAxis;
    this.#mask = mask && this.#ofKeys(mask);
    if (config.causal) {
      this.#earlier = this.#ofKeys(keys.positions).lessEqual(this.ofQueries(queries.positions));
    }
    if (rows && columns) {
      this.#kept = keptOfMatrix(config.rate, this.ofQueries(rows), this.#ofKeys(columns));
    }
  }

  /** Numbers of the queries, along their axis. @param numbers [queries] */
  ofQueries(numbers: Tile): Tile {
    return numbers.expandDims(1 - this.#queryAxis);
  }

  #ofKeys(numbers: Tile): Tile {
    return numbers.expandDims(this.#queryAxis);
  }

  /** s_ij in units of {@link unitOf}, minus infinity where a weight is none. @param products q_i . k_j */
  scores(products: Tile): Tile {
    let scores = products.mul(scaleOf(this.#config) / unitOf(this.#config));
    const replaces = this.#config.maskMode === 'gpt2';
    if (this.#earlier && replaces) scores = where(this.#earlier, scores, -penalties.gpt2);
    if (this.#mask) scores = scores.add(this.#mask);
    if (this.#earlier && !replaces) scores = where(this.#earlier, scores, Number.NEGATIVE_INFINITY);
    return scores;
  }

  /** exp(s_ij - most_i). @param scores, most in units of {@link unitOf}; most [queries] */
  exponentials(scores: Tile, most: Tile): Tile {
    return powers(this.#config, scores.sub(this.ofQueries(most)));
  }

  /** w_ij from what `softmaxAttention` keeps of each query. @param most, total [queries] */
  weights(products: Tile, most: Tile, total: Tile): Tile {
    const scores = this.scores(products);
    if (!hasPenalty(this.#config)) return scores.sub(this.ofQueries(most.add(total))).exp2();
    return scores.sub(this.ofQueries(most)).mul(Math.LOG2E).sub(this.ofQueries(total)).exp2();
  }

  /** 0 where dropout takes a weight: what is left is to be divided by 1 - rate. */
  drop(weights: Tile): Tile {
    return this.#kept ? where(this.#kept, weights, 0) : weights;
  }

  /**
   * The gradient of q_i . k_j / sqrt(p), times 1 - rate.
   *
   * @param dropped the weights after {@link drop}
   * @param dWeights dy_i . v_j
   * @param inner (1 - rate) dy_i . o_i, [queries]
   */
  dProducts(
    weights: Tile,
    { dropped, dWeights, inner }: { dropped: Tile; dWeights: Tile; inner: Tile },
  ): Tile {
    const dScores = dropped.mul(dWeights).sub(weights.mul(this.ofQueries(inner)));
    // Where another number replaced the product there is none.
    const replaces = this.#config.maskMode === 'gpt2';
    return this.#earlier && replaces ? where(this.#earlier, dScores, 0) : dScores;
  }
}

/** The keys that a tile of queries sees, for a loop over tiles of them. @param block the queries' number among such tiles */
export function keyRange(config: FullSoftmaxConfig, block: Tile): { to: Operand; step: number } {
  const { length, queriesPerTile, keysPerTile } = config;
  const to = skipsLaterKeys(config) ? block.add(1).mul(queriesPerTile).minimum(length) : length;
  return { to, step: keysPerTile };
}

/** The queries that see a tile of keys, for a loop over tiles of them. @param block the keys' number among such tiles */
export function queryRange(
  config: FullSoftmaxConfig,
  block: Tile,
): { from: Operand; to: number; step: number } {
  const { length, queriesPerTile, keysPerTile } = config;
  const from = skipsLaterKeys(config) ? block.mul(keysPerTile).div(queriesPerTile).mul(queriesPerTile) : 0;
  return { from, to: length, step: queriesPerTile };
}

/** Operations of all programs, each of which runs its loop as often as {@link keyRange} or {@link queryRange} says. */
export function softmaxFlops(kernel: Kernel, config: FullSoftmaxConfig, over: 'keys' | 'queries'): number {
  const { length, batch, heads, queriesPerTile, keysPerTile } = config;
  const skips = skipsLaterKeys(config);
  const trips = (block: number): number => {
    if (over === 'keys') {
      const seen = skips ? Math.min(length, (block + 1) * queriesPerTile) : length;
      return Math.ceil(seen / keysPerTile);
    }
    const first = skips ? Math.floor((block * keysPerTile) / queriesPerTile) : 0;
    return Math.ceil(length / queriesPerTile) - first;
  };
  const blocks = Math.ceil(length / (over === 'keys' ? queriesPerTile : keysPerTile));
  let flops = 0;
  for (let block = 0; block < blocks; block++) flops += flopsOf(kernel.body, trips(block)) as number;
  return flops * batch * heads;
}

/** What all three kernels read. */
export function softmaxInputs(dtype: 'bfloat16' | 'float32') {
  return {
    q: input(dtype),
    k: input(dtype),
    v: input(dtype),
    mask: input('float32'),
    rows: input('int32'),
    columns: input('int32'),
  };
}

/** The shapes of {@link softmaxInputs}, and of what else there is. */
export function softmaxShapes({ batch, length, heads, width }: FullSoftmaxConfig) {
  const tokens = [batch, length, width];
  return {
    inputs: {
      q: tokens,
      k: tokens,
      v: tokens,
      mask: [batch, length],
      rows: [heads, batch, length],
      columns: [length],
    },
    tokens,
    numbers: [batch, heads, length],
  };
}
