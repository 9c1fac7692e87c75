import { RandomStream } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { isCount } from './check.js';

/** What each initializer here takes: the same seed and stream give the same weights on every backend. */
export interface SeededConfig {
  /** Default 0. */
  seed?: number;
  /** A name that sets this weight's numbers apart from those of others with the same seed: `layer0/query/kernel`. */
  stream: string;
}

/** Draws on the host, in double precision, in the order of the elements. */
abstract class SeededInitializer extends tf.serialization.Serializable {
  readonly seed: number;
  readonly stream: string;

  constructor({ seed = 0, stream }: SeededConfig) {
    super();
    this.seed = seed;
    this.stream = stream;
  }

  protected abstract draw(shape: readonly number[], stream: RandomStream): Float32Array;

  apply(shape: (number | null)[], dtype: tf.DataType = 'float32'): tf.Tensor {
    if (dtype !== 'float32' || !shape.every((n) => n !== null && n >= 0)) {
      throw new Error(
        `${this.getClassName()}: needs dtype float32 and a full shape, got ${dtype} [${shape}] for '${this.stream}'`,
      );
    }
    const full = shape as number[];
    return tf.tensor(this.draw(full, new RandomStream(this.seed, `weights/${this.stream}`)), full);
  }

  // tfjs asks its initializers for this.
  fromConfigUsesCustomObjects(): boolean {
    return false;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { seed: this.seed, stream: this.stream };
  }
}

/** U[min, max). */
export class SeededUniform extends SeededInitializer {
  /** @nocollapse */
  static readonly className: string = 'SeededUniform';
  readonly min: number;
  readonly max: number;

  constructor(config: SeededConfig & { min: number; max: number }) {
    super(config);
    if (!(config.min <= config.max)) {
      throw new Error(`SeededUniform: needs min <= max, got ${config.min} and ${config.max}`);
    }
    this.min = config.min;
    this.max = config.max;
  }

  protected override draw(shape: readonly number[], stream: RandomStream): Float32Array {
    const values = new Float32Array(tf.util.sizeFromShape(shape as number[]));
    const scale = (this.max - this.min) * 2 ** -32;
    // 32 random bits are more than a float32 holds.
    for (let i = 0; i < values.length; i++) values[i] = this.min + scale * stream.uint32();
    return values;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), min: this.min, max: this.max };
  }
}
tf.serialization.registerClass(SeededUniform);

/** N(0, std^2). */
export class SeededNormal extends SeededInitializer {
  /** @nocollapse */
  static readonly className: string = 'SeededNormal';
  readonly std: number;

  constructor(config: SeededConfig & { std: number }) {
    super(config);
    if (!(config.std >= 0)) throw new Error(`SeededNormal: std must not be negative, got ${config.std}`);
    this.std = config.std;
  }

  protected override draw(shape: readonly number[], stream: RandomStream): Float32Array {
    const values = new Float32Array(tf.util.sizeFromShape(shape as number[]));
    for (let i = 0; i < values.length; i++) values[i] = this.std * stream.normal();
    return values;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), std: this.std };
  }
}
tf.serialization.registerClass(SeededNormal);

/**
 * Orthonormal heads: the H x (n s) matrix of the flattened heads has orthonormal rows, so each head has Frobenius norm 1
 * and entries of about 1 / sqrt(n s). The columns of one head W_e[h] are not orthonormal.
 *
 * Shape [H, n, s]. It is the Q of the QR decomposition of a Gaussian (n s) x H matrix with positive diagonal of R: what
 * torch's `orthogonal_` makes of such a tensor, in distribution.
 */
export class OrthogonalHeads extends SeededInitializer {
  /** @nocollapse */
  static readonly className: string = 'OrthogonalHeads';

  protected override draw(shape: readonly number[], stream: RandomStream): Float32Array {
    const [heads] = shape;
    const size = tf.util.sizeFromShape(shape.slice(1) as number[]);
    if (shape.length !== 3 || !isCount(heads) || heads > size) {
      throw new Error(`OrthogonalHeads: needs a shape [H, n, s] with H <= n s, got [${shape}]`);
    }
    const values = new Float32Array(heads * size);
    const rows: Float64Array[] = [];
    for (let h = 0; h < heads; h++) {
      const gaussian = Float64Array.from({ length: size }, () => stream.normal());
      const row = orthonormalRow(gaussian, rows);
      rows.push(row);
      values.set(row, h * size);
    }
    return values;
  }
}
tf.serialization.registerClass(OrthogonalHeads);

/**
 * Random vectors for random features, [m, p]: the rows of each block of p are orthogonal, and each row has the length of a
 * Gaussian vector of its own (chi-distributed with p degrees of freedom), so that a single row is N(0, I).
 *
 * Orthogonal rows estimate a kernel with less variance than independent ones do.
 */
export class OrthogonalFeatures extends SeededInitializer {
  /** @nocollapse */
  static readonly className: string = 'OrthogonalFeatures';

  protected override draw(shape: readonly number[], stream: RandomStream): Float32Array {
    const [count, size] = shape;
    if (shape.length !== 2 || !isCount(size)) {
      throw new Error(`OrthogonalFeatures: needs a shape [m, p], got [${shape}]`);
    }
    const values = new Float32Array(count * size);
    const gaussian = (): Float64Array => Float64Array.from({ length: size }, () => stream.normal());
    let block: Float64Array[] = [];
    for (let row = 0; row < count; row++) {
      if (block.length === size) block = [];
      const unit = orthonormalRow(gaussian(), block);
      block.push(unit);
      const other = gaussian();
      const length = Math.sqrt(dot(other, other));
      values.set(
        unit.map((x) => x * length),
        row * size,
      );
    }
    return values;
  }
}
tf.serialization.registerClass(OrthogonalFeatures);

/** The row's unit vector after its parts along those before are taken away. */
function orthonormalRow(row: Float64Array, before: readonly Float64Array[]): Float64Array {
  // Twice: the first pass leaves a rounding error where rows are nearly parallel.
  for (const unit of [...before, ...before]) subtractProjection(row, unit);
  const norm = Math.sqrt(dot(row, row));
  return row.map((x) => x / norm);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function subtractProjection(row: Float64Array, unit: Float64Array): void {
  const factor = dot(row, unit);
  for (let i = 0; i < row.length; i++) row[i] -= factor * unit[i];
}

/**
 * An initializer as the layers of tfjs take it (`kernelInitializer`, `embeddingsInitializer`): they know their own classes
 * and configurations, not objects of other classes.
 */
export function initializerConfig(
  initializer: SeededUniform | SeededNormal | OrthogonalHeads,
): StockInitializer {
  const config = { className: initializer.getClassName(), config: initializer.getConfig() };
  return config as unknown as StockInitializer;
}

type StockInitializer = NonNullable<Parameters<typeof tf.layers.dense>[0]['kernelInitializer']>;

/**
 * torch's default for a linear map, weight and bias alike: U(-1/sqrt(fanIn), 1/sqrt(fanIn)). (It is Kaiming's uniform
 * initialisation with a = sqrt(5).)
 *
 * @param fanIn the number of the map's inputs
 */
export function torchUniform(fanIn: number, config: SeededConfig): SeededUniform {
  const bound = 1 / Math.sqrt(fanIn);
  return new SeededUniform({ ...config, min: -bound, max: bound });
}
