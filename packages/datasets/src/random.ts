import { createHash } from 'node:crypto';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/**
 * A stream of random numbers (xoroshiro128+) that follows from a seed and a name alone: `new RandomStream(7, 'listops', 12)` is
 * the same on every machine, whatever other streams have been used.
 *
 * The 128 bits of state are the first of the SHA-256 of seed and name, so that two of some 10⁵ streams of a data set never
 * coincide, as they would with generators that take a seed of 32 bits.
 */
export class RandomStream {
  private readonly generator: { next(): number };

  constructor(seed: number, ...name: readonly (string | number)[]) {
    if (!Number.isSafeInteger(seed)) {
      throw new Error(`RandomStream: seed must be a whole number, got ${seed}`);
    }
    const digest = createHash('sha256')
      .update(JSON.stringify([seed, ...name]))
      .digest();
    this.generator = xoroshiro128plusFromState([0, 4, 8, 12].map((byte) => digest.readInt32LE(byte)));
  }

  /** A whole number from 0 to n - 1, each as likely as the others; n at most 2³². */
  below(n: number): number {
    // Numbers at and above the greatest multiple of n are drawn again; the high bits decide, which are this generator's best.
    const bucket = Math.floor(2 ** 32 / n);
    for (;;) {
      const value = Math.floor((this.generator.next() >>> 0) / bucket);
      if (value < n) return value;
    }
  }

  /** A number in [0, 1), a multiple of 2⁻⁵³. */
  float(): number {
    const high = this.generator.next() >>> 5;
    const low = this.generator.next() >>> 6;
    return (high * 2 ** 26 + low) * 2 ** -53;
  }

  /** 0 to n - 1 in random order. */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, index) => index);
    for (let last = n - 1; last > 0; last--) {
      const chosen = this.below(last + 1);
      const value = order[last];
      order[last] = order[chosen];
      order[chosen] = value;
    }
    return order;
  }
}
