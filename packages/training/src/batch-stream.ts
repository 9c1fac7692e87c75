import { RandomStream } from '@primal-attention/runtime';

/** What becomes of the samples that are left when fewer than a batch remain at the end of an epoch. */
export type Remainder = 'keep' | 'drop' | 'carry';
const remainders: readonly Remainder[] = ['keep', 'drop', 'carry'];

/** Options of {@link BatchStream}. */
export interface BatchStreamOptions {
  readonly samples: number;
  readonly batchSize: number;
  readonly seed: number;
  /**
   * `keep`: they make a smaller batch; `drop`: they are left out; `carry`: the next epoch fills the batch, as in a data set that
   * never ends. Default `keep`.
   */
  readonly remainder?: Remainder;
  /** Streams of other names have other orders. Default `shuffle`, which is what training takes. */
  readonly name?: string;
}

/**
 * An endless stream of batches of sample numbers, in a new random order in each epoch.
 *
 * Any batch follows from seed, name and its own number alone, so that a run can go on anywhere.
 */
export class BatchStream {
  readonly samples: number;
  readonly batchSize: number;
  readonly #seed: number;
  readonly #remainder: Remainder;
  readonly #name: string;
  /** The orders of the epochs asked for last: a batch may lie in two. */
  readonly #orders = new Map<number, Int32Array>();

  constructor({ samples, batchSize, seed, remainder = 'keep', name = 'shuffle' }: BatchStreamOptions) {
    for (const [what, value] of Object.entries({ samples, batchSize })) {
      if (Number.isSafeInteger(value) && value >= 1) continue;
      throw new Error(`BatchStream: ${what} must be an integer of at least 1, got ${value}`);
    }
    if (!remainders.includes(remainder)) {
      throw new Error(`BatchStream: remainder must be one of ${remainders.join(', ')}, got '${remainder}'`);
    }
    if (remainder === 'drop' && batchSize > samples) {
      throw new Error(
        `BatchStream: ${samples} samples make no batch of ${batchSize}, and the remainder is dropped; ` +
          "take a smaller batch, or remainder 'carry'",
      );
    }
    this.samples = samples;
    this.batchSize = batchSize;
    this.#seed = seed;
    this.#remainder = remainder;
    this.#name = name;
  }

  /** The samples of batch `index`, from 0. */
  at(index: number): Int32Array {
    const { samples, batchSize } = this;
    if (this.#remainder !== 'carry') {
      const perEpoch = this.#batchesPerEpoch();
      const start = (index % perEpoch) * batchSize;
      return this.#order(Math.floor(index / perEpoch) + 1).subarray(start, start + batchSize);
    }
    const first = index * batchSize;
    const start = first % samples;
    const epoch = Math.floor(first / samples) + 1;
    if (start + batchSize <= samples) return this.#order(epoch).subarray(start, start + batchSize);
    const batch = new Int32Array(batchSize);
    let filled = 0;
    for (let e = epoch, from = start; filled < batchSize; e++, from = 0) {
      const piece = this.#order(e).subarray(from, from + batchSize - filled);
      batch.set(piece, filled);
      filled += piece.length;
    }
    return batch;
  }

  /** The batches `from` up to but not including `to`. */
  *range(from: number, to: number): IterableIterator<Int32Array> {
    for (let index = from; index < to; index++) yield this.at(index);
  }

  /** Epochs that are complete after `batches` batches. */
  epochsAfter(batches: number): number {
    if (this.#remainder === 'carry') return Math.floor((batches * this.batchSize) / this.samples);
    return Math.floor(batches / this.#batchesPerEpoch());
  }

  #batchesPerEpoch(): number {
    const batches = this.samples / this.batchSize;
    return this.#remainder === 'drop' ? Math.floor(batches) : Math.ceil(batches);
  }

  /** The order of the samples in an epoch, from 1. */
  #order(epoch: number): Int32Array {
    let order = this.#orders.get(epoch);
    if (order === undefined) {
      order = new RandomStream(this.#seed, `${this.#name}/${epoch}`).permutation(this.samples);
      for (const old of this.#orders.keys()) if (this.#orders.size >= 2) this.#orders.delete(old);
      this.#orders.set(epoch, order);
    }
    return order;
  }
}
