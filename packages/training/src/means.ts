/** Means over samples of numbers that are means over batches: each batch counts by its size. */
export class WeightedMeans {
  #names: readonly string[] = [];
  #sums: number[] = [];
  #samples = 0;

  add(names: readonly string[], values: ArrayLike<number>, samples: number): void {
    if (this.#samples === 0) {
      this.#names = names;
      this.#sums = names.map(() => 0);
    }
    for (let i = 0; i < names.length; i++) this.#sums[i] += values[i] * samples;
    this.#samples += samples;
  }

  /** Empty before the first batch. */
  get(): Record<string, number> {
    return Object.fromEntries(this.#names.map((name, i) => [name, this.#sums[i] / this.#samples]));
  }
}
