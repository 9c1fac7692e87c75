/**
 * Primal-Attention and softmax attention as loops over the formulas, in double precision: slow, and easy to check by eye.
 */

/** A function of indices, in place of an array: `q(h, b, i, c)`. */
export type Indexed = (...index: number[]) => number;

export interface Sizes {
  heads: number;
  batch: number;
  length: number;
  /** n. */
  landmarks: number;
  /** p. */
  size: number;
  /** s. */
  rank: number;
}

const sum = (count: number, term: (i: number) => number): number => {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
};

/** e_i = (f(X)^T W)^T phi(z_i) for head h and sample b. */
export function naiveScore({ landmarks, size }: Sizes, phi: Indexed, f: Indexed, w: Indexed): Indexed {
  return (h, b, i, s) =>
    sum(size, (c) => phi(h, b, i, c) * sum(landmarks, (j) => f(h, b, j, c) * w(h, j, s)));
}

/** J of sample b. */
export function naiveObjective(
  { heads, length, landmarks, rank }: Sizes,
  b: number,
  scores: { e: Indexed; r: Indexed },
  lambda: Indexed,
  we: Indexed,
  wr: Indexed,
): number {
  const variance = (score: Indexed): number =>
    sum(heads, (h) => sum(length, (i) => sum(rank, (s) => (score(h, b, i, s) * lambda(h, s)) ** 2))) /
    (2 * heads * length);
  const trace = sum(heads, (h) => sum(landmarks, (j) => sum(rank, (s) => we(h, j, s) * wr(h, j, s)))) / heads;
  return variance(scores.e) + variance(scores.r) - trace;
}

/** sum_j softmax_j(q_i . k_j / sqrt p) v_j over the real keys; 0 without any. */
export function naiveSoftmax(
  { length, size }: Sizes,
  q: Indexed,
  k: Indexed,
  v: Indexed,
  mask: Indexed,
): Indexed {
  return (h, b, i, c) => {
    const weight = (j: number): number =>
      mask(b, j) * Math.exp(sum(size, (d) => q(h, b, i, d) * k(h, b, j, d)) / Math.sqrt(size));
    const total = sum(length, weight);
    return total === 0 ? 0 : sum(length, (j) => weight(j) * v(h, b, j, c)) / total;
  };
}
