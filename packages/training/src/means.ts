/** What {@link WeightedMeans} holds, as JSON. */
export interface MeansState {
  readonly names: readonly string[];
  /** null stands for a sum that is not finite, which JSON cannot hold. */
  readonly sums: readonly (number | null)[];
  readonly samples: number;
}

/** Means over samples of numbers that are means over batches: each batch counts by its size. */
export class WeightedMeans {
  #names: readonly string[] = [];
  #sums: number[] = [];
  #samples = 0;

  /** @param state goes on from there */
  constructor(state?: MeansState) {
    if (state === undefined) return;
    this.#names = state.names;
    this.#sums = state.sums.map((sum) => sum ?? Number.NaN);
    this.#samples = state.samples;
  }

  get isEmpty(): boolean {
    return this.#samples === 0;
  }

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

  state(): MeansState {
    return { names: this.#names, sums: this.#sums, samples: this.#samples };
  }
}
