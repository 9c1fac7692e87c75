import { bitsAt, foldKey, keyOfSeed } from './hash.js';

/**
 * Random numbers drawn one after the other on the host, in double precision: initial weights, shuffles, generated data.
 *
 * The same seed and name give the same numbers on every machine and backend. Streams of different names are disjoint,
 * so that, say, evaluation never shifts what training draws.
 */
export class RandomStream {
  readonly #k0: number;
  readonly #k1: number;
  #count = 0;
  #block = 0;
  #spare: number | undefined;
  readonly #path: string;

  constructor(seed: number, stream = '') {
    let key = keyOfSeed(seed, 'RandomStream');
    for (const unit of new TextEncoder().encode(stream)) key = foldKey(key[0], key[1], unit + 1);
    [this.#k0, this.#k1] = key;
    this.#path = `${seed}:${stream}`;
  }

  /** A stream of its own, which does not depend on how much this one has drawn. */
  derive(name: string): RandomStream {
    const separator = this.#path.indexOf(':');
    return new RandomStream(
      Number(this.#path.slice(0, separator)),
      `${this.#path.slice(separator + 1)}/${name}`,
    );
  }

  /** An integer in [0, 2^32). */
  uint32(): number {
    // A new key for each 2^16 words: no draw sees that one key's words never repeat.
    if (this.#count === 0x10000) {
      this.#count = 0;
      this.#block++;
    }
    const [k0, k1] = this.#block === 0 ? [this.#k0, this.#k1] : foldKey(this.#k0, this.#k1, this.#block);
    return bitsAt(k0, k1, this.#count++) >>> 0;
  }

  /** A number in [min, max), with 53 random bits. */
  uniform(min = 0, max = 1): number {
    const unit = ((this.uint32() >>> 5) * 2 ** 26 + (this.uint32() >>> 6)) * 2 ** -53;
    return min + (max - min) * unit;
  }

  /** A standard normal number (Box-Muller). */
  normal(): number {
    if (this.#spare !== undefined) {
      const value = this.#spare;
      this.#spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** An integer in [0, n), without bias. */
  integer(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) {
      throw new Error(`RandomStream.integer: n must be an integer in 1..2^32, got ${n}`);
    }
    const limit = 2 ** 32 - (2 ** 32 % n);
    let word = this.uint32();
    while (word >= limit) word = this.uint32();
    return word % n;
  }

  /** The numbers 0..n-1 in random order (Fisher-Yates). */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}
