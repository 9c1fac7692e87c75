/**
 * sum_i w_i v_i / sum_i w_i, one value at a time.
 *
 * The weight of a batch's mean is the number of its cases: then a smaller last batch counts for less, and the result is the mean
 * over all cases. NaN stays visible: one NaN with a weight makes the mean NaN.
 */
export class MeanMetric {
  private sum = 0;
  private weights = 0;

  /**
   * @param value what is averaged, such as a batch's mean loss
   * @param weight how much it counts, such as the batch's number of cases; 0 adds nothing
   * @throws if the weight is negative, infinite or NaN
   */
  add(value: number, weight: number = 1): void {
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY)) {
      throw new Error(`MeanMetric.add: weight must be finite and at least 0, got ${weight}`);
    }
    if (weight === 0) return;
    this.sum += value * weight;
    this.weights += weight;
  }

  /** Sum of the weights so far. */
  get weight(): number {
    return this.weights;
  }

  /** @throws if nothing was added: the mean of nothing is no number */
  get value(): number {
    if (this.weights === 0) throw new Error('MeanMetric.value: nothing was added yet');
    return this.sum / this.weights;
  }

  reset(): void {
    this.sum = 0;
    this.weights = 0;
  }
}
